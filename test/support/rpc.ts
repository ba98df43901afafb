/** A JSON-RPC answer of the bus, read from either framing. */
export interface RpcAnswer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  message: any;
}

export const BOTH = "application/json, text/event-stream";

/** POSTs one JSON-RPC message. */
export async function rpc(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<RpcAnswer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: BOTH, ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, message: messageIn(text) };
}

export function messageIn(text: string): unknown {
  const data =
    text
      .split("\n")
      .filter((line) => line.startsWith("data: "))
      .at(-1)
      ?.slice("data: ".length) ?? text;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** POSTs a `tools/call` and returns the whole answer. */
export function rpcTool(
  url: string,
  name: string,
  args: unknown = {},
  headers: Record<string, string> = {},
  id: string | number = 1,
): Promise<RpcAnswer> {
  return rpc(url, { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } }, headers);
}

/** Calls a tool as a hook does, without a handshake, and returns its `result`. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export async function callTool(url: string, name: string, args: unknown = {}): Promise<any> {
  const { message, status, text } = await rpcTool(url, name, args);
  if (message?.result === undefined) throw new Error(`${name}: HTTP ${status}: ${text}`);
  return message.result;
}
