/** One request of the transcript. `{name.field}` in a string means a field of an earlier answer. */
export interface Step {
  /** The bus that is asked: one that lets local programs in, or one that wants a token. */
  bus?: "tokens";
  method?: string;
  path?: string;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
  /** Remembers the answer's fields under this name. */
  as?: string;
  /** Steps that run while this one waits, once the bus has a question. */
  meanwhile?: readonly Step[];
  /** Waits before it is asked (ms), for what depends on time. */
  after?: number;
  /** Waits until each delivery was tried. */
  settled?: true;
}

export function rpc(method: string, params?: unknown, more: Omit<Step, "body"> = {}): Step {
  return {
    body: { jsonrpc: "2.0", id: 1, method, ...(params === undefined ? {} : { params }) },
    ...more,
  };
}

function tool(name: string, args: unknown, more: Omit<Step, "body"> = {}): Step {
  return rpc("tools/call", { name, arguments: args }, more);
}

/** Calls of one tool, a row each: its arguments, and the rest of the step. */
function calls(name: string, ...rows: readonly (readonly [args: unknown, more?: Omit<Step, "body">])[]) {
  return rows.map(([args, more]) => tool(name, args, more));
}

const raw = (body: string, more: Step = {}): Step => ({ body, ...more });
const get = (path: string, more: Step = {}): Step => ({ method: "GET", path, ...more });
const long = (bytes: number) => "x".repeat(bytes);

const PROTOCOL: readonly Step[] = [
  get("/health"),
  ...["2025-11-25", "2025-03-26", "1999-01-01"].map((protocolVersion) =>
    rpc("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "c", version: "1" } }),
  ),
  rpc("initialize", {}),
  raw('{"jsonrpc":"2.0","method":"notifications/initialized"}'),
  raw('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}'),
  raw('{"jsonrpc":"2.0","id":5,"result":{}}'),
  rpc("ping"),
  rpc("tools/list"),
  rpc("tools/list", { cursor: 5 }),
  rpc("resources/list"),
  rpc("resources/templates/list"),
  rpc("resources/read", { uri: "agent-event-bus://guide" }),
  rpc("resources/read", { uri: "agent-event-bus://other" }),
  rpc("resources/read", {}),
  rpc("prompts/list"),
  rpc("no/such/method", {}),
  rpc("tools/call"),
  rpc("tools/call", { name: 5 }),
  rpc("tools/call", { name: "no_such_tool", arguments: {} }),
  rpc("tools/call", { name: "list_channels", _meta: { progressToken: {} } }),
  rpc("tools/call", { name: "list_channels" }),
  rpc("tools/call", { name: "list_channels", arguments: null }),
  rpc("tools/call", { name: "list_channels", arguments: [] }),
  rpc("tools/call", { name: "list_channels", arguments: "x" }),
  rpc("tools/call", { name: "list_channels", arguments: { unknown: 1 } }),
  ...["", "no json", "[]", "5", "null", '{"jsonrpc":"1.0","id":1,"method":"ping"}', '{"id":1}'].map((body) =>
    raw(body),
  ),
  raw('[{"jsonrpc":"2.0","id":1,"method":"ping"}]'),
  raw('{"jsonrpc":"2.0","id":null,"method":"ping"}'),
  raw('{"jsonrpc":"2.0","id":"a text","method":"ping"}'),
  raw('{"jsonrpc":"2.0","id":1.5,"method":"ping"}'),
  raw(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${"[".repeat(70)}${"]".repeat(70)}}}`),
  raw(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[${"1,".repeat(10_001)}1]}}`),
  raw(`"${long(4 * 1024 * 1024)}"`),
  rpc("ping", {}, { headers: { accept: "text/html" } }),
  rpc("ping", {}, { headers: { accept: "application/json" } }),
  rpc("ping", {}, { headers: { "mcp-protocol-version": "1999-01-01" } }),
  rpc("ping", {}, { headers: { "mcp-protocol-version": "2025-06-18" } }),
  rpc("ping", {}, { headers: { "content-type": "text/plain" } }),
  rpc("ping", {}, { headers: { origin: "http://evil.example" } }),
  rpc("ping", {}, { headers: { "sec-fetch-site": "cross-site" } }),
  rpc("ping", {}, { headers: { host: "evil.example" } }),
  rpc("ping", {}, { headers: { authorization: "Bearer wrong" } }),
  rpc("ping", {}, { headers: { authorization: "Basic eDp5" } }),
  rpc("ping", {}, { headers: { "x-forwarded-for": "203.0.113.9" } }),
  rpc("ping", {}, { path: "/mcp/" }),
  get("/mcp"),
  get("/mcp", { headers: { accept: "text/event-stream", "last-event-id": "1" } }),
  { method: "DELETE", path: "/mcp" },
  { method: "PUT", path: "/mcp", body: "{}" },
  { method: "OPTIONS", path: "/mcp", headers: { origin: "http://localhost:3000" } },
  get("/"),
  get("/nothing"),
  get("/health", { headers: { host: "evil.example" } }),
  { method: "POST", path: "/health", body: "{}" },
];

const SESSIONS: readonly Step[] = [
  ...calls("list_sessions", [{}]),
  ...calls(
    "register_session",
    [{ name: "anna", machine: "m1", cwd: "/home/a/proj", client_id: "c-anna", repo: "proj" }, { as: "anna" }],
    [
      { name: "bob", machine: "m2", cwd: "/home/b", client_id: "c-bob" },
      { as: "bob", after: 20 },
    ],
    [
      { name: "anna", machine: "m3", cwd: "/x", client_id: "c-3", repo: "proj" },
      { as: "other", after: 20 },
    ],
    [{ name: "anna", machine: "m1", cwd: "/home/a/proj", client_id: "c-anna", repo: "proj" }, { after: 20 }],
    [{ name: "anna2", machine: "m1", cwd: "/home/a/proj", client_id: "c-anna", repo: "proj" }],
    [
      { name: "lead", machine: "m4", cwd: "/", client_id: "c-4", claim: true },
      { as: "lead", after: 20 },
    ],
    [
      { name: "lead", machine: "m5", cwd: "/", client_id: "c-5", claim: true },
      { as: "late", after: 20 },
    ],
    [{ name: "here" }, { as: "here", after: 20 }],
    [{}],
    [{ name: "" }],
    [{ name: 5 }],
    [{ name: "x", client_id: "" }],
    [{ name: long(300) }],
    [{ name: "x", claim: "maybe" }],
    [{ name: "two words ✨", machine: "m6", cwd: null, client_id: "c-6", repo: null }, { after: 20 }],
  ),
  ...calls("list_sessions", [{}, { as: "present" }], [{ extra: true }]),
  ...calls("list_channels", [{}]),
];

const EVENTS: readonly Step[] = [
  ...calls(
    "publish_event",
    [{ event_type: "note", payload: "hello" }, { as: "first" }],
    [
      {
        event_type: "task_completed",
        payload: "done",
        session_id: "{anna.session_id}",
        channel: "repo:proj",
      },
    ],
    [{ event_type: "note", payload: "to bob", channel: "session:bob" }, { as: "mail" }],
    [{ event_type: "note", payload: "to anna", channel: "session:anna" }],
    [{ event_type: "note", payload: "by id", channel: "session:{bob.session_id}" }],
    [{ event_type: "note", payload: "by display id", channel: "session:{bob.display_id}" }],
    [{ event_type: "note", payload: "to a claim", channel: "@lead", session_id: "{bob.session_id}" }],
    [{ event_type: "note", payload: "to no one", channel: "@nobody" }],
    [{ event_type: "note", payload: "to no one", channel: "session:nobody" }],
    [{ event_type: "note", payload: "machine", channel: "machine:m1" }],
    [{ event_type: "note", payload: "odd", channel: "odd channel" }],
    [{ event_type: "note", payload: "", channel: "" }],
    [
      {
        event_type: "help_needed",
        payload: "🦖 émoji 漢字 \u0001 \u2028",
        title: "a title",
        tags: ["a", "b"],
        correlation_id: "r-1",
        signal_level: "actionable",
      },
    ],
    [{ event_type: "note", payload: "one tag", tags: "a, b" }],
    [{ event_type: "note", payload: "level", signal_level: "lifecycle" }],
    [{ event_type: "note", payload: "level", signal_level: "loud" }],
    [{ event_type: "note", payload: "who", session_id: "nobody" }],
    [{ event_type: "note", payload: "who", session_id: "anna" }],
    [{ event_type: "", payload: "x" }],
    [{ payload: "x" }],
    [{ event_type: "note" }],
    [{ event_type: "note", payload: 5 }],
    [{ event_type: "note", payload: { a: 1 } }],
    [{ event_type: long(129), payload: "x" }],
    [{ event_type: "note", payload: long(1024 * 1024 + 1) }],
    [{ event_type: "note", payload: "x", title: long(257) }],
    [{ event_type: "note", payload: "x", tags: Array.from({ length: 33 }, (_, i) => `t${i}`) }],
    [{ event_type: "note", payload: "x", tags: [long(65)] }],
    [{ event_type: "note", payload: "x", tags: [5] }],
    [{ event_type: "note", payload: "x", channel: long(257) }],
    [{ event_type: "note", payload: "x", correlation_id: long(257) }],
  ),
  ...calls(
    "get_events",
    [{}],
    [{ limit: 2 }, { as: "page" }],
    [{ limit: 2, cursor: "{page.next_cursor}" }],
    [{ limit: 3, order: "asc" }, { as: "up" }],
    [{ limit: 3, order: "asc", cursor: "{up.next_cursor}" }],
    [{ limit: 0 }],
    [{ limit: 100_000 }],
    [{ limit: -1 }],
    [{ limit: "many" }],
    [{ limit: "3" }],
    [{ order: "up" }],
    [{ cursor: "no number" }],
    [{ cursor: "999999" }],
    [{ cursor: 3, order: "asc", limit: 1 }],
    [{ channel: "repo:proj" }],
    [{ channel: "session:{bob.session_id}" }],
    [{ event_types: ["help_needed"] }],
    [{ event_types: "help_needed,task_completed" }],
    [{ event_types: [] }],
    [{ correlation_id: "r-1" }],
    [{ min_level: "actionable" }],
    [{ min_level: "loud" }],
    [{ session_id: "{bob.session_id}", resume: true, order: "asc", peek: true, acks: true }],
    [{ session_id: "{bob.session_id}", resume: true, order: "asc", limit: 2 }],
    [{ session_id: "{bob.session_id}", resume: true, order: "asc" }],
    [{ session_id: "{bob.session_id}", resume: true, order: "asc" }],
    [{ session_id: "{anna.session_id}", resume: true, min_level: "info", order: "asc" }],
    [{ session_id: "nobody", resume: true }],
    [{ session_id: "nobody" }],
    [{ resume: true }],
    [{ wait_seconds: 0, cursor: "999999", order: "asc" }],
    [{ wait_seconds: 1, event_types: ["never"], cursor: "{page.next_cursor}", order: "asc" }],
    [{ wait_seconds: -1 }],
    [{ wait_seconds: 100_000 }],
  ),
  ...calls(
    "ack_events",
    [{ session_id: "{bob.session_id}", cursor: "5" }],
    [{ session_id: "{bob.session_id}", cursor: "5", allow_rewind: true }],
    [{ session_id: "{bob.session_id}", cursor: 9 }],
    [{ session_id: "{bob.session_id}", cursor: "999999" }],
    [{ session_id: "{bob.session_id}", cursor: "none" }],
    [{ session_id: "{bob.session_id}", cursor: "12", from: "10" }],
    [{ session_id: "nobody", cursor: "5" }],
    [{ session_id: "{bob.session_id}" }],
    [{ cursor: "5" }],
    [{ session_id: "{bob.display_id}", cursor: "5" }],
  ),
];

const TALK: readonly Step[] = [
  tool(
    "ask",
    { to: "bob", payload: "ready?", session_id: "{anna.session_id}", wait_seconds: 60 },
    {
      as: "asked",
      meanwhile: calls("reply", [
        { event_id: "{question.id}", payload: "yes", session_id: "{bob.session_id}" },
      ]),
    },
  ),
  ...calls(
    "ask",
    [
      { to: "bob", payload: "still there?", session_id: "{anna.session_id}", wait_seconds: 0 },
      { as: "open" },
    ],
    [{ to: "@lead", payload: "who leads?", wait_seconds: 0 }],
    [{ to: "nobody", payload: "x", wait_seconds: 0 }],
    [{ to: "@nobody", payload: "x", wait_seconds: 0 }],
    [{ to: "all", payload: "x", wait_seconds: 0 }],
    [{ to: "bob", payload: "x", session_id: "{bob.session_id}", wait_seconds: 0 }],
    [{ to: "bob", payload: "x", session_id: "nobody", wait_seconds: 0 }],
    [{ to: "", payload: "x" }],
    [{ to: "bob" }],
    [{ to: "bob", payload: "x", wait_seconds: 100_000 }],
  ),
  ...calls(
    "reply",
    [{ event_id: "{open.event_id}", payload: "here", session_id: "{bob.session_id}" }],
    [{ event_id: "{first.event_id}", payload: "an answer to all" }],
    [{ event_id: "{mail.event_id}", payload: "thanks", session_id: "{bob.session_id}" }],
    [{ event_id: 999999, payload: "x" }],
    [{ event_id: 0, payload: "x" }],
    [{ event_id: "x", payload: "x" }],
    [{ event_id: 1 }],
    [{ event_id: 1, payload: "x", session_id: "nobody" }],
  ),
  ...calls(
    "get_delivery",
    [{ event_id: "{mail.event_id}" }],
    [{ event_id: "{open.event_id}" }],
    [{ event_id: "{first.event_id}" }],
    [{ event_id: "{open.event_id}", wait_seconds: 0 }],
    [{ event_id: 999999 }],
    [{ event_id: 0 }],
    [{}],
  ),
];

const HOOKS: readonly Step[] = [
  // A heartbeat is saved once a second: from here on the order of the sessions is known.
  ...calls(
    "get_events",
    [{ session_id: "{anna.session_id}", limit: 1 }, { after: 1_100 }],
    [{ session_id: "{bob.session_id}", limit: 1 }, { after: 20 }],
  ),
  ...calls(
    "start_session",
    [
      { client_id: "h-1", machine: "m7", name: "main", title: "hooked", cwd: "/h", repo: "proj" },
      { as: "hooked", after: 50 },
    ],
    [{ client_id: "h-1", machine: "m7", name: "main", cwd: "/h", repo: "proj" }],
    [
      { client_id: "h-2", machine: "m7", name: "main", cwd: "/h", repo: "proj", pid: 77, pid_started: "a" },
      { after: 20 },
    ],
    [
      { client_id: "h-2", machine: "m7", name: "main", cwd: "/h", repo: "proj", pid: 78, pid_started: "b" },
      { after: 20 },
    ],
    [{ client_id: "h-1" }],
  ),
  ...calls(
    "publish_event",
    [{ event_type: "note", payload: "wake up", channel: "session:hooked", session_id: "{anna.session_id}" }],
    [{ event_type: "help_needed", payload: "for all of proj", channel: "repo:proj" }],
    [{ event_type: "note", payload: "second", channel: "session:hooked" }, { as: "second" }],
  ),
  ...calls(
    "collect_events",
    [{ client_id: "h-1", machine: "m7", path: "tool", limit: 1 }, { as: "tool" }],
    [{ client_id: "h-1", machine: "m7", path: "prompt" }, { as: "prompt" }],
  ),
  ...calls(
    "confirm_events",
    [{ client_id: "h-1", machine: "m7", event_ids: ["{second.event_id}"], cursor: "{prompt.seen_to}" }],
    [{ client_id: "nobody", machine: "m7", event_ids: [] }],
    [{ client_id: "h-1", machine: "m7" }],
    [{ client_id: "h-1", machine: "m7", event_ids: ["x", "999999"], unshown: ["1"] }],
  ),
  ...calls("get_delivery", [{ event_id: "{second.event_id}" }]),
  ...calls(
    "collect_events",
    [{ client_id: "h-1", machine: "m7", path: "stop" }],
    [{ client_id: "h-1", machine: "m7", path: "prompt" }],
    [{ client_id: "h-1", machine: "m7", path: "start" }],
    [{ client_id: "h-1", machine: "m7", path: "wake", wait_seconds: 0 }],
    [{ client_id: "h-1", machine: "m7", path: "wake", wait_seconds: 0, running_ms: 100_000_000 }],
    [{ client_id: "nobody", machine: "m7", path: "prompt" }],
    [{ client_id: "h-1", machine: "m7", path: "sideways" }],
  ),
  ...calls("summarize", [{}], [{ client_id: "h-1", machine: "m7" }], [{ client_id: 7 }]),
  ...calls("list_needs", [{}], [{ all: true }], [{ need_id: 99 }], [{ need_id: "x" }]),
  ...calls("read_inbox", [{}], [{ seen: ["1"] }], [{ seen: "1" }]),
  ...calls(
    "set_attention",
    [{ session: "h-1" }],
    [{ session: "h-1", wake: "off", mute_seconds: 0 }],
    [{ session: "h-1", wake: "default" }],
    [{ session: "nobody-here" }],
    [{ session: "h-1", wake: "loudly" }],
  ),
];

const WEBHOOKS: readonly Step[] = [
  ...calls("list_webhooks", [{}]),
  ...calls(
    "register_webhook",
    [{ url: "{receiver}/ok" }, { as: "ok" }],
    [
      { url: "{receiver}/ok", channel: "repo:", event_types: ["task_completed"], secret: "s3cret" },
      { as: "few" },
    ],
    [{ url: "{receiver}/fail", ordered: true, event_types: ["bad"] }, { as: "fail" }],
    [{ url: "{receiver}/gone", event_types: ["gone"] }, { as: "gone" }],
    [{ url: "ftp://x/" }],
    [{ url: "no url" }],
    [{ url: "http://user:pw@127.0.0.1/" }],
    [{ url: "" }],
    [{}],
    [{ url: "{receiver}/ok", secret: "sp ace" }],
    [{ url: "{receiver}/ok", secret: "whsec_!" }],
    [{ url: `http://127.0.0.1/${long(2048)}` }],
  ),
  ...calls("list_webhooks", [{}], [{ active_only: false }]),
  ...calls(
    "publish_event",
    [{ event_type: "task_completed", payload: "for hooks", channel: "repo:proj" }, { as: "sent" }],
    [{ event_type: "bad", payload: "fails" }, { as: "bad" }],
    [{ event_type: "gone", payload: "is gone" }],
  ),
  ...calls(
    "list_deliveries",
    [{}, { settled: true }],
    [{ webhook_id: "{fail.webhook_id}" }],
    [{ state: "dead" }],
    [{ limit: 1 }],
    [{ limit: 0 }],
    [{ state: "lost" }],
    [{ webhook_id: 999 }],
  ),
  ...calls("list_webhooks", [{ active_only: false }, { settled: true }]),
  ...calls("get_events", [{ limit: 3 }]),
  ...calls(
    "test_webhook",
    [{ webhook_id: "{ok.webhook_id}" }],
    [{ webhook_id: "{fail.webhook_id}" }],
    [{ webhook_id: 999 }],
    [{ webhook_id: -1 }],
    [{}],
  ),
  ...calls(
    "set_webhook_active",
    [{ webhook_id: "{ok.webhook_id}", active: false }],
    [{ webhook_id: "{ok.webhook_id}", active: false }],
    [{ webhook_id: "{ok.webhook_id}", active: true, since: "{sent.event_id}" }, { settled: true }],
    [{ webhook_id: "{gone.webhook_id}", active: true }, { settled: true }],
    [{ webhook_id: 999, active: true }],
    [{ webhook_id: "{ok.webhook_id}" }],
    [{ webhook_id: "{ok.webhook_id}", active: "perhaps" }],
  ),
  ...calls(
    "rotate_webhook_secret",
    [{ webhook_id: "{few.webhook_id}", secret: "new-secret" }],
    [{ webhook_id: "{ok.webhook_id}" }],
    [{ webhook_id: "{few.webhook_id}", secret: "sp ace" }],
    [{ webhook_id: 999 }],
  ),
  ...calls(
    "redeliver_webhook",
    [{ webhook_id: "{ok.webhook_id}", event_id: "{sent.event_id}" }],
    [{ webhook_id: "{fail.webhook_id}", dead: true }],
    [{ webhook_id: "{gone.webhook_id}", dead: true }, { settled: true }],
    [{ webhook_id: "{few.webhook_id}", since: 1 }, { settled: true }],
    [{ webhook_id: "{ok.webhook_id}" }],
    [{ webhook_id: "{ok.webhook_id}", event_id: 999999 }],
    [{ webhook_id: "{ok.webhook_id}", event_id: 1, dead: true }],
    [{ webhook_id: 999, dead: true }],
  ),
  ...calls("list_deliveries", [{}, { settled: true }]),
  ...calls(
    "unregister_webhook",
    [{ webhook_id: "{gone.webhook_id}" }, { settled: true }],
    [{ webhook_id: "{gone.webhook_id}" }],
    [{ webhook_id: "x" }],
  ),
  ...calls("list_webhooks", [{ active_only: false }]),
];

const ENDS: readonly Step[] = [
  ...calls(
    "notify",
    [{ title: "t", message: "m" }],
    [{ title: "t", message: "m", sound: true }],
    [{ title: "t" }],
    [{ title: long(257), message: "m" }],
  ),
  ...calls(
    "unregister_session",
    [{}],
    [{ session_id: "{late.session_id}" }],
    [{ session_id: "{late.session_id}" }],
    [{ session_id: "nobody" }],
    [{ client_id: "c-6", machine: "m6" }],
    [{ client_id: "c-6", machine: "nowhere" }],
    [{ session_id: "{lead.session_id}" }],
  ),
  ...calls("publish_event", [{ event_type: "note", payload: "x", session_id: "{late.session_id}" }]),
  ...calls(
    "get_events",
    [{ session_id: "{late.session_id}", resume: true }],
    [{ session_id: "{late.session_id}", wait_seconds: 1, cursor: "999999" }],
  ),
  ...calls("ack_events", [{ session_id: "{late.session_id}", cursor: "1" }]),
  ...calls("ask", [{ to: "{late.session_id}", payload: "x", wait_seconds: 0 }]),
  ...calls("reply", [{ event_id: 1, payload: "x", session_id: "{late.session_id}" }]),
  ...calls("register_session", [{ name: "lead", machine: "m5", cwd: "/", client_id: "c-5" }, { after: 20 }]),
  ...calls("list_channels", [{}]),
];

const as = (token: string): Pick<Step, "bus" | "headers"> => ({
  bus: "tokens",
  headers: { authorization: `Bearer {${token}}` },
});

const NOTE = { event_type: "note", payload: "x" };

/** Callers with a token: what each scope may do. */
const TOKENS: readonly Step[] = [
  get("/health", { bus: "tokens" }),
  rpc("ping", {}, { bus: "tokens" }),
  rpc("ping", {}, { bus: "tokens", headers: { authorization: "Bearer wrong" } }),
  rpc("ping", {}, { bus: "tokens", headers: { authorization: "Basic eDp5" } }),
  ...["read", "publish"].map((scope) => rpc("tools/list", {}, as(scope))),
  ...["read", "publish", "full"].flatMap((scope) => [
    tool("publish_event", NOTE, as(scope)),
    tool("get_events", { limit: 1 }, as(scope)),
    tool("register_session", { name: "n", machine: "m", cwd: "/", client_id: scope }, as(scope)),
    tool("list_webhooks", {}, as(scope)),
    tool("collect_events", { client_id: "full", machine: "m", path: "prompt" }, as(scope)),
    tool("no_such_tool", {}, as(scope)),
    tool("publish_event", { payload: "x" }, as(scope)),
  ]),
  tool("register_webhook", { url: "{receiver}/ok" }, as("full")),
  tool("register_webhook", { url: "http://10.0.0.1/" }, as("full")),
  get("/mcp", as("full")),
];

export const STEPS: readonly Step[] = [
  ...[...PROTOCOL, ...SESSIONS, ...EVENTS, ...TALK],
  ...[...HOOKS, ...WEBHOOKS, ...ENDS, ...TOKENS],
];
