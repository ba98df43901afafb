import type { Params } from "../routes.ts";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Text of events can reach the page as text only: no script, style or request comes from elsewhere, and nothing frames it. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:"],
  ...["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  // A new release is seen at the next visit.
  "cache-control": "no-cache",
  vary: "accept-encoding",
};

interface File {
  plain: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
  headers: Readonly<Record<string, string>>;
}

let files: Promise<ReadonlyMap<string, File>> | undefined;

/** Serves the files of the page. They hold no secret, so anyone may have them. */
export async function servePage(
  request: Request,
  _caller: unknown,
  { file = "" }: Params,
): Promise<Response> {
  files ??= loaded();
  const found = (await files).get(file === "" ? "/" : `/page/${file}`);
  if (found === undefined) return Response.json({ error: "The page has no such file." }, { status: 404 });
  const { plain, gzipped, headers } = found;
  if (request.headers.get("if-none-match") === headers.etag)
    return new Response(null, { status: 304, headers });
  if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")) return new Response(plain, { headers });
  return new Response(gzipped, { headers: { ...headers, "content-encoding": "gzip" } });
}

/** Loads the files at the first request, so that a bus whose page is not used does without them. */
async function loaded(): Promise<ReadonlyMap<string, File>> {
  const [{ FILES }, { gunzipSync }, { createHash }] = await Promise.all([
    import("./files.ts"),
    import("node:zlib"),
    import("node:crypto"),
  ]);
  return new Map(
    Object.entries(FILES).map(([path, base64]) => {
      const gzipped = new Uint8Array(Buffer.from(base64, "base64"));
      const plain = new Uint8Array(gunzipSync(gzipped));
      const hash = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
      const type = TYPES[path === "/" ? "html" : (path.split(".").at(-1) ?? "")] ?? "text/plain";
      // Weak, because both encodings share it.
      const headers = { ...HEADERS, "content-type": type, etag: `W/"${hash}"` };
      return [path, { plain, gzipped, headers }];
    }),
  );
}
