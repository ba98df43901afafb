/** One message of an event stream. */
export interface Message {
  name: string;
  data: string;
  id?: string;
}

/** Cuts an event stream into messages. A message may come in any number of pieces. */
export class SseParser {
  #rest = "";

  push(piece: string): Message[] {
    const blocks = (this.#rest + piece).split(/\r?\n\r?\n/);
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => messageIn(block) ?? []);
  }
}

/** Undefined for a comment. */
function messageIn(block: string): Message | undefined {
  const message: Message = { name: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") message.name = value;
    else if (field === "id") message.id = value;
    else if (field === "data") data.push(value);
  }
  if (data.length === 0) return undefined;
  return { ...message, data: data.join("\n") };
}
