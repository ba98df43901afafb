// Speaks to a bus as the CLI of the Python original does: `bun original_cli.ts <command> [flags]`.
export {};

const HEADERS = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };

type Result = { structuredContent?: { result?: unknown }; content: { text: string }[] };

// Only lines that begin with `data: ` are read; a plain JSON body would go unseen.
async function callTool(name: string, args: object): Promise<unknown> {
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
  const response = await fetch(process.env.AGENT_EVENT_BUS_URL ?? "", {
    method: "POST",
    headers: HEADERS,
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  for (const line of (await response.text()).split("\n")) {
    if (!line.startsWith("data: ")) continue;
    const { result, error } = JSON.parse(line.slice("data: ".length)) as {
      result?: Result;
      error?: { message: string };
    };
    if (error !== undefined) throw new Error(error.message);
    if (result?.structuredContent?.result !== undefined) return result.structuredContent.result;
    if (result !== undefined) return JSON.parse(result.content[0]?.text ?? "null");
  }
  throw new Error("no data line");
}

/** Absent flags travel as null, as the original's keyword arguments do. */
function flagsOf(words: readonly string[]): Record<string, string | true | undefined> {
  const flags: Record<string, string | true> = {};
  for (const [i, word] of words.entries()) {
    const next = words[i + 1];
    if (word.startsWith("--"))
      flags[word.slice(2)] = next === undefined || next.startsWith("--") ? true : next;
  }
  return flags;
}

const [command = "", ...words] = process.argv.slice(2);
const flags = flagsOf(words);
const or = (flag: string) => flags[flag] ?? null;

const calls: Record<string, () => Promise<unknown>> = {
  register: () =>
    callTool("register_session", {
      name: or("name"),
      machine: "this-host",
      cwd: process.cwd(),
      client_id: or("client-id"),
    }),
  sessions: () => callTool("list_sessions", {}),
  publish: () =>
    callTool("publish_event", {
      event_type: or("type"),
      payload: or("payload"),
      channel: or("channel") ?? "all",
      session_id: or("session-id"),
      title: null,
      tags: null,
      correlation_id: null,
      signal_level: null,
    }),
  events: () =>
    callTool("get_events", {
      cursor: or("cursor"),
      limit: 50,
      session_id: or("session-id"),
      order: or("order") ?? "desc",
      resume: flags.resume === true,
      event_types: null,
    }),
  ack: () => callTool("ack_events", { session_id: or("session-id"), cursor: or("cursor") }),
  "webhook register": () =>
    callTool("register_webhook", {
      url: or("url"),
      channel: or("channel"),
      event_types: null,
      secret: or("secret"),
    }),
  "webhook list": () => callTool("list_webhooks", { active_only: true }),
  "webhook unregister": () => callTool("unregister_webhook", { webhook_id: Number(words[1]) }),
};

const call = calls[command === "webhook" ? `webhook ${words[0]}` : command];
if (call === undefined) throw new Error(`unknown command ${command}`);
console.log(JSON.stringify(await call()));
