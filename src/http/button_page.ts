import { visibleLine } from "../lib/escape.ts";

const OK = 200;
const PAGE =
  "This address is a button of a notification. It answers when the button is tapped, not when it is opened.";

/** Shown by a browser that opens the address of a button. The same for each secret, and it changes nothing. */
export function buttonPage(): Response {
  return said(OK, PAGE);
}

/** One plain sentence, which no browser takes for a page. */
export function said(status: number, sentence: string): Response {
  return new Response(`${visibleLine(sentence, 500)}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}
