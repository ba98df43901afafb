import { isLoopbackUrl } from "../lib/loopback.ts";

/** True if both lead to the same bus, judged by their text. */
export function isSameUrl(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (isLoopbackUrl(text)) url.hostname = "localhost";
  if (url.pathname === "/") url.pathname = "/mcp";
  return url.href.replace(/\/$/, "");
}

/** The machine of a URL, for people. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}

/** True if a host is in a list of NO_PROXY. */
export function isExempt(host: string, list: string): boolean {
  const names = list.split(",").map((one) => one.trim().replace(/^\*?\./, ""));
  return names.some((one) => one === "*" || (one !== "" && (host === one || host.endsWith(`.${one}`))));
}
