// A scripted stand-in for the model behind Claude Code: the script calls tools and is shown what the client answers.

/** What the model was shown of one tool call. */
export interface Shown {
  text: string;
  isError: boolean;
}

export type CallTool = (tool: string, input?: object) => Promise<Shown>;

export interface Model {
  url: string;
  /** All that the model was told before its first word. */
  briefing: string;
  /** Ends it; throws what the script threw, or when the client left before the script's end. */
  end(): Promise<void>;
}

export interface Block {
  type: string;
  id?: string;
  name?: string;
  text?: string;
  input?: object;
  tool_use_id?: string;
  content?: string | Block[];
  is_error?: boolean;
}

export interface ModelRequest {
  model: string;
  system?: unknown;
  messages: { role: string; content: string | Block[] }[];
  tools?: unknown[];
}

export function startModel(script: (call: CallTool) => Promise<void>): Model {
  const play = new Play(script);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/v1/messages") return Response.json({ input_tokens: 1 });
      const body = (await request.json()) as ModelRequest;
      return streamed(body.model, await play.answer(body));
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    get briefing() {
      return play.briefing;
    },
    async end() {
      await server.stop(true);
      if (!play.ended) throw new Error("the client left before the script ended");
      if (play.failure !== undefined) throw play.failure;
    },
  };
}

class Play {
  briefing = "";
  ended = false;
  failure: unknown;
  readonly #script: (call: CallTool) => Promise<void>;
  #calls = 0;
  #says = Promise.withResolvers<Block>();
  #shown = Promise.withResolvers<Shown>();

  constructor(script: (call: CallTool) => Promise<void>) {
    this.#script = script;
  }

  /** The next thing the model says. Requests that are no part of the conversation (a title, say) change nothing. */
  async answer(request: ModelRequest): Promise<Block> {
    const talks = (request.tools?.length ?? 0) > 0;
    if (!talks || this.ended) return { type: "text", text: "done" };
    if (this.#calls === 0) {
      this.briefing = JSON.stringify([request.system, request.messages]);
      this.#run();
    } else this.#show(request);
    const block = await this.#says.promise;
    this.#says = Promise.withResolvers();
    return block;
  }

  #show({ messages }: ModelRequest): void {
    const result = messages
      .flatMap(({ content }) => (typeof content === "string" ? [] : content))
      .find((block) => block.tool_use_id === idOf(this.#calls));
    if (result === undefined) return;
    this.#shown.resolve({ text: textOf(result.content), isError: result.is_error === true });
  }

  async #run(): Promise<void> {
    try {
      await this.#script((name, input = {}) => {
        this.#shown = Promise.withResolvers();
        this.#says.resolve({ type: "tool_use", id: idOf(++this.#calls), name, input });
        return this.#shown.promise;
      });
    } catch (error) {
      this.failure = error;
    }
    this.ended = true;
    this.#says.resolve({ type: "text", text: "done" });
  }
}

function idOf(call: number): string {
  return `toolu_${String(call).padStart(6, "0")}`;
}

function textOf(content: string | Block[] = ""): string {
  return typeof content === "string" ? content : content.map((block) => block.text ?? "").join("");
}

/** One thing that the model says, as its service sends it. */
export function streamed(model: string, block: Block): Response {
  const tool = block.type === "tool_use";
  const empty = tool ? { ...block, input: {} } : { type: "text", text: "" };
  const delta = tool
    ? { type: "input_json_delta", partial_json: JSON.stringify(block.input) }
    : { type: "text_delta", text: block.text };
  const message = {
    id: `msg_${crypto.randomUUID()}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  const events = [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: empty },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: tool ? "tool_use" : "end_turn", stop_sequence: null },
      usage: { output_tokens: 1 },
    },
    { type: "message_stop" },
  ];
  const frames = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  return new Response(frames.join(""), { headers: { "content-type": "text/event-stream" } });
}
