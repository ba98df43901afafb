import { environment, settingsFile } from "../config/client.ts";
import { Endless } from "./errors.ts";

/** The longest answer of a bus with the usual limits. */
const USUAL_BYTES = 16 * 1024 * 1024;

/**
 * The text of an answer of at most 16 MiB, or four times the setting for reads if that is more.
 * @throws Endless when it is longer. The rest is not read.
 */
export function readAnswer(response: Response): Promise<string> {
  const { headers } = response;
  // The length of a compressed answer does not bound what it unfolds to. Hot path: a reader of pieces is slow to load.
  const isShort = Number(headers.get("content-length") ?? Number.NaN) <= USUAL_BYTES;
  return isShort && headers.get("content-encoding") === null ? response.text() : readPieces(response);
}

async function readPieces({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  let most = USUAL_BYTES;
  // Leaving the loop cancels the rest.
  for await (const piece of body ?? []) {
    size += piece.byteLength;
    if (size > most) most = await mostBytes();
    if (size > most) throw new Endless(`more than ${most / 1024 / 1024} MiB`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

async function mostBytes(): Promise<number> {
  const { limitsOf } = await import("../config/server.ts");
  return Math.max(USUAL_BYTES, limitsOf(environment, settingsFile()).reply_bytes * 4);
}
