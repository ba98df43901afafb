/** A push as the server took it. */
export interface Pushed {
  topic: string;
  title: string;
  message: string;
  priority: number;
  tags: string[];
  sequence_id: string;
  actions: { action: string; label: string; url: string; method: string; clear: boolean }[];
  /** Authorization of the request. */
  authorization: string | null;
  bytes: number;
}

export interface NtfyServer {
  port: number;
  /** The URL of a topic, with what goes before the host. */
  topic(name: string, userinfo?: string): string;
  /** What was taken, in order. */
  got: Pushed[];
  /** What was refused, and why. */
  refused: { status: number; reason: string }[];
  /** Answers a request before it is looked at. */
  before: (request: Request) => Response | undefined | Promise<Response | undefined>;
  /** Resolves with the first push that fits. */
  until(fits: (push: Pushed) => boolean, ms?: number): Promise<Pushed>;
  stop(): void;
}

type Kind = "string" | "number" | "boolean" | "string[]" | "actions";

/** The published fields (ntfy 2.16, "Publish as JSON"), with their types. */
const FIELDS: Readonly<Record<string, Kind>> = {
  ...{ topic: "string", title: "string", message: "string", tags: "string[]", priority: "number" },
  ...{ actions: "actions", click: "string", attach: "string", markdown: "boolean", icon: "string" },
  ...{ filename: "string", delay: "string", email: "string", call: "string", sequence_id: "string" },
};
const ACTION: Readonly<Record<string, Kind>> = {
  ...{ action: "string", label: "string", url: "string", method: "string", clear: "boolean", body: "string" },
};
const NAME = /^[-_A-Za-z0-9]{1,64}$/;
const MOST_MESSAGE_BYTES = 4_096;
const MOST_JSON_BYTES = 2 * MOST_MESSAGE_BYTES;
const MOST_ACTIONS = 3;

/**
 * Stands in for an ntfy server, which neither Debian nor npm has. It follows the published JSON and limits of ntfy 2.16, and
 * refuses what a real server would ignore: unknown fields and texts that become attachments. A topic named in `accounts` takes
 * only requests with one of its headers, any other topic only those without.
 */
export function ntfyServer(accounts: Readonly<Record<string, readonly string[]>> = {}): NtfyServer {
  const got: Pushed[] = [];
  const refused: NtfyServer["refused"] = [];
  const http = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1", idleTimeout: 60 },
    async fetch(request) {
      const early = await server.before(request);
      if (early !== undefined) return early;
      const text = await request.text();
      const problem = problemOf(request, text, accounts);
      if (problem !== null) {
        refused.push(problem);
        return Response.json({ http: problem.status, error: problem.reason }, { status: problem.status });
      }
      const push = JSON.parse(text);
      const authorization = request.headers.get("authorization");
      got.push({ actions: [], ...push, authorization, bytes: Buffer.byteLength(text) });
      return Response.json({ id: "x".repeat(12), event: "message", ...push });
    },
  });
  const server: NtfyServer = {
    ...{ port: http.port ?? 0, got, refused, before: () => undefined },
    topic: (name, userinfo) =>
      `http://${userinfo === undefined ? "" : `${userinfo}@`}127.0.0.1:${server.port}/${name}`,
    async until(fits, ms = 30_000) {
      const deadline = performance.now() + ms;
      for (;;) {
        const found = got.find(fits);
        if (found !== undefined) return found;
        if (performance.now() > deadline)
          throw new Error(`no such push in ${ms} ms: ${JSON.stringify({ got, refused })}`);
        await Bun.sleep(10);
      }
    },
    stop: () => void http.stop(true),
  };
  return server;
}

function problemOf(
  request: Request,
  text: string,
  accounts: Readonly<Record<string, readonly string[]>>,
): { status: number; reason: string } | null {
  const wrong = (reason: string, status = 400) => ({ status, reason });
  const { pathname, search } = new URL(request.url);
  if (request.method !== "POST" || pathname !== "/" || search !== "")
    return wrong("JSON goes to the root", 404);
  if (Buffer.byteLength(text) > MOST_JSON_BYTES) return wrong("the JSON is too large", 413);
  let push: unknown;
  try {
    push = JSON.parse(text);
  } catch {
    return wrong("not JSON");
  }
  const shape = shapeProblem(push, FIELDS);
  if (shape !== null) return wrong(shape);
  const { topic, message, priority, sequence_id, actions = [], title = "" } = push as Partial<Pushed>;
  if (topic === undefined || !NAME.test(topic)) return wrong("topic");
  if (sequence_id !== undefined && !NAME.test(sequence_id)) return wrong("sequence_id");
  if (priority !== undefined && ![1, 2, 3, 4, 5].includes(priority)) return wrong("priority");
  if (!message) return wrong("an empty message becomes triggered");
  if (Buffer.byteLength(message) > MOST_MESSAGE_BYTES) return wrong("the message becomes an attachment");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(title)) return wrong("control characters in the title");
  const button = actionsProblem(actions);
  if (button !== null) return wrong(button);
  const sent = request.headers.get("authorization");
  const known = accounts[topic];
  if (known === undefined) return sent === null ? null : wrong("unknown account", 401);
  return sent !== null && known.includes(sent) ? null : wrong("forbidden", sent === null ? 403 : 401);
}

function actionsProblem(actions: Pushed["actions"]): string | null {
  if (actions.length > MOST_ACTIONS) return `only ${MOST_ACTIONS} actions allowed`;
  for (const one of actions) {
    const shape = shapeProblem(one, ACTION);
    if (shape !== null) return `actions: ${shape}`;
    if (one.action !== "http") return "action";
    if (!one.label) return "label is required";
    if (!/^https?:\/\//.test(one.url ?? "")) return "url is required";
  }
  return null;
}

function shapeProblem(value: unknown, fields: Readonly<Record<string, Kind>>): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not an object";
  for (const [name, one] of Object.entries(value)) {
    const kind = fields[name];
    if (kind === undefined) return `unknown field ${name}`;
    const isFine =
      kind === "string[]"
        ? Array.isArray(one) && one.every((each) => typeof each === "string")
        : kind === "actions"
          ? Array.isArray(one)
          : typeof one === kind;
    if (!isFine) return `${name} is not ${kind}`;
  }
  return null;
}
