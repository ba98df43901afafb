import { type Block, type ModelRequest, streamed } from "./model.ts";

/** One call of the model. */
export interface Heard {
  /** When it came, ms since 1970. */
  at: number;
  /** The conversation so far, as JSON. */
  conversation: string;
  /** What it had not been shown before. */
  news: string;
}

/** A model that says "done" to everything, but for the tool calls that it was told to make, and remembers what it heard. */
export interface Talker {
  url: string;
  calls: Heard[];
  /** Calls the tool instead, when the model is called next; its input may follow from that call. */
  use(tool: string, input: object | ((call: Heard) => object)): void;
  /** Says this in place of "done", in its turn among the tool calls. */
  say(text: string): void;
  /** The first call that holds the text; undefined before it. */
  heard(text: string): Heard | undefined;
  /** How often the text is in the conversation now. */
  count(text: string): number;
  stop(): void;
}

export function startTalker(
  whenCalled: (call: Heard) => Promise<void> = async () => {},
  hostname = "127.0.0.1",
): Talker {
  const calls: Heard[] = [];
  const toUse: ((call: Heard) => Block)[] = [];
  let used = 0;
  const server = Bun.serve({
    hostname,
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      if (new URL(request.url).pathname !== "/v1/messages") return Response.json({ input_tokens: 1 });
      const at = Date.now();
      const { model, messages, tools = [] } = (await request.json()) as ModelRequest;
      if (tools.length === 0) return streamed(model, DONE);
      const call = { at, conversation: JSON.stringify(messages), news: newsIn(messages) };
      calls.push(call);
      await whenCalled(call);
      return streamed(model, toUse.shift()?.(call) ?? DONE);
    },
  });
  return {
    url: `http://${hostname}:${server.port}`,
    calls,
    use(name, input) {
      const id = `toolu_${++used}`;
      const inputOf = (call: Heard) => (typeof input === "function" ? input(call) : input);
      toUse.push((call) => ({ type: "tool_use", id, name, input: inputOf(call) }));
    },
    say: (text) => toUse.push(() => ({ type: "text", text })),
    heard: (text) => calls.find(({ conversation }) => conversation.includes(text)),
    count: (text) => (calls.at(-1)?.conversation.split(text).length ?? 1) - 1,
    stop: () => server.stop(true),
  };
}

const DONE: Block = { type: "text", text: "done" };

function newsIn(messages: ModelRequest["messages"]): string {
  return JSON.stringify(messages.slice(messages.findLastIndex(({ role }) => role === "assistant") + 1));
}
