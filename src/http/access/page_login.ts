import { hmac, isSameText } from "../../lib/hmac.ts";

/** The half of a login that the page keeps and sends with every request. The cookie is the other. */
export const PAGE_HEADER = "x-agent-event-bus-page";

/** Time for which a browser stays signed in (s). */
const LOGIN_S = 30 * 86_400;

export interface PageLogin {
  /** Hash of the token that opened the page. Undefined if a terminal did. */
  token: string | undefined;
}

export interface PageLoginOptions {
  /** Made once for a database, so that logins outlive the process. */
  key(): Uint8Array;
  /** Wall clock (ms). */
  now(): number;
}

export type PageLogins = ReturnType<typeof createPageLogins>;

/** Cookies are shared between the ports of a host, so one half alone is worth nothing. Nothing is stored. */
export function createPageLogins({ key, now }: PageLoginOptions) {
  const signed = async (text: string) => Buffer.from(await hmac(key(), text)).toString("base64url");
  const keyOf = (nonce: string) => signed(`page.${nonce}`);

  /** The login of a cookie that was signed here, whose time has not run out. */
  async function known(cookie: string, half: string): Promise<PageLogin | null> {
    const [, text = "", expires, nonce = "", token = "", mac = ""] = FORM.exec(cookie) ?? [];
    const isOurs = isSameText(await signed(`cookie.${text}`), mac);
    if (!isOurs || !isSameText(await keyOf(nonce), half) || now() >= Number(expires) * 1000) return null;
    return { token: token === "" ? undefined : token };
  }

  return {
    /** Makes both halves of a new login. */
    async make({ token = "" }: PageLogin): Promise<{ cookie: string; half: string }> {
      const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
      const text = `${Math.floor(now() / 1000) + LOGIN_S}.${nonce}.${token}`;
      return { cookie: `${text}.${await signed(`cookie.${text}`)}`, half: await keyOf(nonce) };
    },
    /** Finds the login of a request that has the page's header. Null if the halves do not prove one. */
    async find(headers: Headers): Promise<PageLogin | null> {
      const half = headers.get(PAGE_HEADER) ?? "";
      for (const cookie of cookiesOf(headers)) {
        const login = await known(cookie, half);
        if (login !== null) return login;
      }
      return null;
    },
  };
}

const FORM = /^(([1-9]\d{0,11})\.([\w-]{22})\.((?:[\da-f]{64})?))\.([\w-]{43})$/;

/** Other programs of the host may set cookies of this name too. */
const MOST_COOKIES = 10;

function cookiesOf(headers: Headers): string[] {
  const start = `${cookieName(headers)}=`;
  const cookies = (headers.get("cookie") ?? "").split(";").map((one) => one.trim());
  return cookies
    .filter((one) => one.startsWith(start))
    .map((one) => one.slice(start.length))
    .slice(0, MOST_COOKIES);
}

/** Named after the port that the browser sees, because several buses may share a host. */
function cookieName(headers: Headers): string {
  const port = /:(\d+)$/.exec(headers.get("host") ?? "")?.[1];
  return port === undefined ? "agent-event-bus" : `agent-event-bus-${port}`;
}

/** The Set-Cookie header of a login. Without a value it ends the login of the browser. */
export function setCookie(headers: Headers, value?: string): string {
  const isSecure = headers.get("origin")?.startsWith("https:") ?? false;
  const age = value === undefined ? 0 : LOGIN_S;
  const secure = isSecure ? "; Secure" : "";
  return `${cookieName(headers)}=${value ?? ""}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${secure}`;
}
