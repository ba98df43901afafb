import type { TestBus } from "./bus.ts";
import { cliOnTerminal } from "./cli.ts";

/** The headers of a page that is signed in. */
export type PageHeaders = Record<"cookie" | "x-agent-event-bus-page", string>;

/** The code in the link that the user's `open` prints. */
export async function codeOf(bus: TestBus): Promise<string> {
  const shown = await cliOnTerminal(["open", "--no-browser"], { bus });
  const code = /#code=([\w-]+)/.exec(shown)?.[1];
  if (code === undefined) throw new Error(`open printed no link: ${shown}`);
  return code;
}

/** Sends a request to a path of the bus, with a body as JSON. */
export function ask(
  bus: Pick<TestBus, "url">,
  path: string,
  headers: Record<string, string> = {},
  body?: unknown,
): Promise<Response> {
  const type = { "content-type": "application/json" };
  return fetch(
    new URL(path, bus.url),
    body === undefined
      ? { headers }
      : { method: "POST", headers: { ...type, ...headers }, body: JSON.stringify(body) },
  );
}

/** Exchanges a code as the page does. */
export function exchange(bus: Pick<TestBus, "url">, code: string, headers = {}): Promise<Response> {
  return ask(bus, "/api/sign_in", headers, { code });
}

/** Both halves of the login in an answer to `exchange`. */
export async function halvesOf(answer: Response): Promise<PageHeaders> {
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  const { key } = (await answer.json()) as { key: string };
  return { cookie, "x-agent-event-bus-page": key };
}

/** Signs a page in by the user's `open`. */
export async function signIn(bus: TestBus): Promise<PageHeaders> {
  const answer = await exchange(bus, await codeOf(bus));
  if (answer.status !== 200) throw new Error(`not signed in: ${await answer.text()}`);
  return halvesOf(answer);
}
