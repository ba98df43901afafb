/** Request headers that proxies, CDNs, tunnels and identity gateways set on what they hand on, from their documentation. */
export const PROXIES: Readonly<Record<string, string>> = {
  "the standards": "Forwarded Via Max-Forwards CDN-Loop Surrogate-Capability Proxy-Connection",
  "de-facto names": `X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Server
    X-Forwarded-By X-Forwarded-Prefix X-Forwarded-Path X-Forwarded-Scheme X-Forwarded-Ssl X-Forwarded-Protocol
    X-Forwarded-Uri X-Forwarded-Method X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Access-Token
    X-Forwarded-Client-Cert X-Forwarded-Context Forwarded-For Forwarded-Proto Forwarded-Host X-Forward-For X_Forwarded_For
    X-Real-IP X_Real_IP X-Real-Host X-Real-Port Real-IP X-Client-IP X_Client_IP Client-IP X-Cluster-Client-IP X-True-IP
    True-Client-IP X-Remote-IP X-Remote-Addr X-Remote-Host X-Remote-User Remote-User Remote-Groups Remote-Email
    X-Originating-IP X-Original-Forwarded-For X-Original-For X-Original-Host X-Original-URL X-Original-URI
    X-Original-Method X-Original-Proto X-Original-Remote-Addr X-Originally-Forwarded-For X-Host X-HTTP-Host-Override
    X-Scheme X-Url-Scheme Front-End-Https X-Https X-SSL X-TLS-Version SSL-Client-Cert X-SSL-Client-Verify X-Client-Cert
    X-Client-DN X-Client-Proto X-Client-Port X-Client-Verify X-ProxyUser-IP X-Proxied X-Proxied-For Proxy-Client-IP
    X-Source-IP X-Peer-Address X-Client-Address X-Request-Start X-Queue-Start X-Via X-Cache X-Cache-Key X-Upstream
    X-Backend X-Rewrite-URL`,
  nginx: "X-NginX-Proxy X-Accel-Mapping X-Sendfile-Type X-Proxy-Id",
  "Apache httpd": "X-Forwarded-Server Max-Forwards Via",
  Caddy: "X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host Via",
  Traefik: "X-Real-Ip X-Replaced-Path X-Forwarded-Tls-Client-Cert X-Traefik-Router",
  HAProxy: "X-Original-To X-HAProxy-Server-State X-SSL-Client-CN",
  "Envoy, Istio": `X-Envoy-External-Address X-Envoy-Internal X-Envoy-Original-Path X-Envoy-Expected-Rq-Timeout-Ms
    X-Envoy-Attempt-Count X-Envoy-Peer-Metadata X-Istio-Attributes`,
  Linkerd: "L5d-Dst-Canonical L5d-Client-Id L5d-Remote-Ip",
  Varnish: "X-Varnish",
  Squid: "X-Squid-Error Via X-Forwarded-For",
  Kong: "X-Kong-Request-Id X-Consumer-ID X-Consumer-Username X-Credential-Identifier X-Anonymous-Consumer",
  "APISIX, 3scale, Apigee": "X-APISIX-Upstream-Status X-3scale-Proxy-Secret-Token X-Apigee-Message-Id",
  "Kubernetes, Knative, Dapr": "X-Remote-Group X-Remote-Extra-Scopes K-Proxy-Request Dapr-Caller-App-Id",
  Cloudflare: `CF-Connecting-IP CF-Connecting-IPv6 CF-Pseudo-IPv4 CF-IPCountry CF-Ray Cf-Visitor CF-Worker CF-EW-Via
    Cf-Access-Jwt-Assertion Cf-Access-Authenticated-User-Email Cf-Warp-Tag-Id`,
  CloudFront: "CloudFront-Viewer-Address CloudFront-Viewer-Country CloudFront-Forwarded-Proto X-Amz-Cf-Id",
  "AWS load balancers": `X-Amzn-Trace-Id X-Amzn-Oidc-Data X-Amzn-Oidc-Identity X-Amzn-Mtls-Clientcert X-Amzn-Tls-Version
    X-Amzn-Lattice-Identity`,
  Fastly: "Fastly-Client-IP Fastly-FF Fastly-SSL Fastly-Client X-Timer X-Served-By",
  Akamai: `True-Client-IP Akamai-Origin-Hop X-Akamai-Edgescape X-Akamai-Config-Log-Detail X-EdgeConnect-MidMile-RTT
    Akamai-Client-IP`,
  Vercel: `X-Vercel-Forwarded-For X-Vercel-Id X-Vercel-Proxied-For X-Vercel-IP-Country X-Vercel-Deployment-Url
    X-Vercel-Proxy-Signature X-Now-Id`,
  Netlify: "X-Nf-Client-Connection-Ip X-Nf-Request-Id X-Country X-BB-IP",
  Fly: "Fly-Client-IP Fly-Forwarded-Port Fly-Forwarded-Proto Fly-Region Fly-Request-Id Fly-Traceparent",
  Heroku: "X-Request-Start Connect-Time Total-Route-Time X-Heroku-Queue-Wait-Time",
  "Render, Railway, DigitalOcean":
    "Rndr-Id Render-Proxy-TTL X-Railway-Edge X-Railway-Request-Id DO-Connecting-IP",
  "Google Cloud": `X-Cloud-Trace-Context X-AppEngine-User-IP X-AppEngine-Country X-AppEngine-Default-Version-Hostname
    X-Goog-Authenticated-User-Email X-Goog-Iap-Jwt-Assertion X-Google-Apps-Metadata X-GFE-Request-Trace
    X-Client-Geo-Location X-Orig-Accept-Language`,
  Azure: `X-Azure-ClientIP X-Azure-SocketIP X-Azure-Ref X-Azure-RequestChain X-Azure-FDID X-FD-HealthProbe X-ARR-SSL
    X-ARR-LOG-ID X-MS-Client-Principal X-MS-Client-Principal-Name X-MS-Token-AAD-Id-Token X-AppService-Proto
    X-AppGW-Trace-Id X-WAWS-Unencoded-URL X-Site-Deployment-Id WAS-Default-Hostname Disguised-Host X-K8SE-App-Name`,
  "IBM, Oracle": "$WSRA $WSSN WL-Proxy-Client-IP WL-Proxy-SSL X-WebLogic-Request-ClusterInfo",
  "F5, Citrix, Juniper": "X-F5-Client NS-Client-IP X-Citrix-Gateway rlnclientipaddr",
  "Sucuri, Imperva, DataDome":
    "X-Sucuri-ClientIP X-Sucuri-Country Incap-Client-IP X-Incap-Sess X-DataDome-ClientID",
  "Bunny, KeyCDN, Edgio": "CDN-RequestCountryCode CDN-ServerId X-Pull X-Shield X-EC-Uuid X-LLID",
  "Alibaba, Tencent":
    "Ali-CDN-Real-IP Ali-Proxy-Consistent-Hash EagleId EagleEye-TraceId SLB-ID RemoteIp EO-Client-IP X-Stgw-Time",
  ngrok: "ngrok-skip-browser-warning ngrok-auth-user-email ngrok-agent-ips",
  "localtunnel, zrok, pinggy":
    "X-Localtunnel-Subdomain X-Zrok-Share X-Pinggy-Url X-Exposed-By X-Inlets-Id X-PageKite-Port",
  "dev tunnels": "X-Tunnel-Authorization X-Tunnel-Skip-AntiPhishing-Page X-Original-Host X-Forwarded-Host",
  "Codespaces, Gitpod, Replit, Coder":
    "X-Forwarded-Scheme X-Gitpod-Instance X-WS-Proxy X-Replit-User-Id Coder-Session",
  "other network overlays":
    "X-NetBird-User Teleport-Jwt-Assertion X-Teleport-Login X-Pomerium-Jwt-Assertion X-Twingate-User",
  "login proxies": `X-Auth-Request-User X-Auth-Request-Email X-Authenticated-User X-Webauth-User X-Authentik-Username
    Gap-Auth OIDC-Claim-Sub`,
  "Home Assistant, Jupyter, GitLab":
    "X-Ingress-Path X-Hass-Source X-ProxyContextPath Gitlab-Workhorse Gitlab-Workhorse-Proxy-Start",
  "company proxies":
    "X-BlueCoat-Via Z-Forwarded-For X-ZScaler-User X-MWG-Via X-OperaMini-Phone Remote-Address",
  "others with Tailscale's prefix": `Tailscale-User Tailscale-Login Tailscale-Tailnet Tailscale-Profile-Picture
    X-Tailscale-User Tailscale-Anything-New`,
};

/** What `tailscale serve` sets (ipn/ipnlocal/serve.go): the only headers of a proxy that a login may have beside it. */
export const SERVE_SETS = [
  ...["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"],
  ...["Tailscale-User-Login", "Tailscale-User-Name", "Tailscale-User-Profile-Pic"],
  ...["Tailscale-Headers-Info", "Tailscale-App-Capabilities"],
];

/** Every header above, once. */
export const OF_PROXIES: readonly string[] = [
  ...new Set([...Object.values(PROXIES).flatMap((names) => names.split(/\s+/)), ...SERVE_SETS]),
];

/** What programs of a machine send without any proxy: browsers, SDKs, tracing, webhooks, MCP clients. */
export const OF_PROGRAMS =
  `Accept Accept-Charset Accept-Encoding Accept-Language Cache-Control Connection Content-Encoding
  Content-Language Content-Length Content-Type Cookie Date Device-Memory DNT Downlink ECT Expect From Host If-Match
  If-Modified-Since If-None-Match If-Range Keep-Alive Last-Event-ID Link Origin Pragma Prefer Priority Purpose Range
  Referer RTT Save-Data TE Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Viewport-Width
  Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Sec-GPC
  Sec-WebSocket-Key HTTP2-Settings Idempotency-Key MCP-Session-Id MCP-Protocol-Version MCP-Method MCP-Name
  Anthropic-Version Anthropic-Beta Anthropic-Client-Platform X-Stainless-Lang X-Stainless-OS X-Stainless-Package-Version
  X-Stainless-Retry-Count X-Stainless-Timeout X-App X-API-Key X-Client-Name X-Client-Version X-Client-Info X-Client-Id
  X-Client-Request-Id X-Request-Id X-Correlation-Id X-Requested-With X-CSRF-Token X-Session-Id X-User-Id X-Trace-Id
  X-HTTP-Method-Override X-Goog-Api-Client X-GitHub-Event X-GitHub-Delivery X-Hub-Signature-256 X-Gitlab-Event
  X-Title HTTP-Referer Session_id Conversation_id Originator OpenAI-Beta OpenAI-Organization traceparent tracestate
  baggage b3 X-B3-TraceId X-B3-SpanId X-Datadog-Trace-Id X-Datadog-Origin Sentry-Trace Elastic-Apm-Traceparent
  Uber-Trace-Id Newrelic Grpc-Timeout Postman-Token X-Timeout-Ms X-Custom X-Skip-Me Webhook-Id Webhook-Timestamp
  Webhook-Signature`.split(/\s+/);
