/** An answer without what differs from run to run. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: unknown;
}

/** Sentences for people, by the step and the place in its answer. */
export type Sentences = Readonly<Record<string, string>>;

/** Keys whose texts are for people. */
const SENTENCES = ["description", "error", "hint", "warning", "message", "instructions"];
/** Keys of ids that the bus makes up, unless a request named them. */
const IDS = ["session_id", "display_id", "correlation_id", "secret", "resumed_from"];
const NUMBERS = [
  "age_seconds",
  "milliseconds",
  "uptime_seconds",
  "waited_seconds",
  "last_ms",
  "last_at",
  "next_at",
];
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)/g;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

export interface NormaliserOptions {
  host: string;
  ports: readonly number[];
}

export interface Normaliser {
  answer(step: string, response: Response, text: string, sent: string): Answer;
  readonly sentences: Sentences;
}

export function createNormaliser({ host, ports }: NormaliserOptions): Normaliser {
  const sentences: Record<string, string> = {};
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  /** All that was sent, and what the bus names itself. */
  let given = "agent-event-bus anonymous";

  function plain(text: string): string {
    let out = text.replace(TIME, "<time>");
    for (const [value, name] of names) out = out.replaceAll(value, name);
    for (const port of ports) out = out.replaceAll(`127.0.0.1:${port}`, "127.0.0.1:<port>");
    if (out === host) return "<host>";
    return out.replace(`machine:${host}`, "machine:<host>").replace(new RegExp(` on ${host}$`), " on <host>");
  }

  /** Gives the ids that the bus made up names, in the order in which they come. */
  function learn(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    for (const [key, one] of Object.entries(value)) {
      if (typeof one === "string" && IDS.includes(key) && !names.has(one) && !given.includes(one)) {
        const count = (counts.get(key) ?? 0) + 1;
        counts.set(key, count);
        names.set(one, `<${key} ${count}>`);
      }
      learn(one);
    }
  }

  function walk(value: unknown, at: string, key: string): unknown {
    if (typeof value === "number" && NUMBERS.includes(key)) return "<number>";
    if (typeof value === "string") {
      if (key === "version") return "<version>";
      if (!SENTENCES.includes(key)) return plain(value);
      sentences[at] = plain(value);
      return "<sentence>";
    }
    if (Array.isArray(value))
      return inOrder(value.map((one, i) => walk(one, `${at}.${nameOf(one, i)}`, key)));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [plain(name), walk(one, `${at}.${name}`, name)]),
    );
  }

  function body(text: string, step: string): unknown {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return plain(text);
    }
    learn(json);
    const message = walk(unfolded(json), step, "");
    return JSON.stringify(json) === text ? message : { written: "with escapes of its own", message };
  }

  return {
    sentences,
    answer(step, response, text, sent) {
      given += sent;
      const headers = Object.fromEntries(
        [...response.headers]
          .filter(([name]) => !["date", "content-length"].includes(name))
          .map(([name, value]) => [name, UUID.test(value) ? "<uuid>" : plain(value)]),
      );
      const streams = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
      const line = (one: string) =>
        one.startsWith("data: ") ? { data: body(one.slice(6), step) } : plain(one);
      return {
        status: response.status,
        headers,
        body: streams ? text.split("\n").map(line) : body(text, step),
      };
    },
  };
}

const nameOf = (value: unknown, i: number) => (value as { name?: string } | null)?.name ?? i;

/** Channels come in the order of their names, which ids are part of. */
function inOrder(list: unknown[]): unknown[] {
  const isChannels = list.every((one) => Object.hasOwn(Object(one), "subscribers"));
  const channel = (one: unknown) => (one as { channel: string }).channel;
  return isChannels ? list.sort((a, b) => (channel(a) < channel(b) ? -1 : 1)) : list;
}

interface Result {
  content?: { text: string }[];
  contents?: { text: string }[];
  structuredContent?: unknown;
  isError?: boolean;
}

/** Marks a text that repeats the structured content, and calls the text of an error a message. */
function unfolded(json: unknown): unknown {
  const result = (json as { result?: Result } | null)?.result;
  const text = result?.content?.[0]?.text;
  const folded = (value: Result) => ({ ...(json as object), result: value });
  if (result?.contents !== undefined) return folded({ ...result, contents: result.contents.map(asGuide) });
  if (result === undefined || text === undefined) return json;
  if (result.isError)
    return folded({ ...result, content: [{ ...result.content?.[0], text: "" }], ...{ message: text } });
  const { structuredContent } = result;
  const list = (structuredContent as { result?: unknown[] }).result;
  const same = [structuredContent, list].some((value) => JSON.stringify(value) === text);
  return same ? folded({ ...result, content: "<the structured content as text>" as never }) : json;
}

/** The guide has its own review. */
const asGuide = (one: { text: string }) => ({ ...one, text: one.text === "" ? "" : "<guide>" });
