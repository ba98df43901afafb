import * as fs from "node:fs";

/** Bytes of a conversation's end that are looked at. */
const MOST_BYTES = 4 * 1024 * 1024;
const ANSWER = '"type":"assistant"';
/** A client that is killed loses the lines that it has queued. */
const QUEUED = '"type":"queue-operation"';

/**
 * The events that a client's file of the conversation holds, as hooks hand them over, in front of an answer of the model. Null
 * without an answer, and if the file cannot be read.
 */
export function readIn(file: string, ids: readonly number[]): ReadonlySet<number> | null {
  const all = endOf(file);
  const answer = all.findLastIndex((line) => line.includes(ANSWER));
  if (answer === -1) return null;
  const lines = all.slice(0, answer).filter((line) => !line.includes(QUEUED));
  // Every line of a payload is indented, so that none begins like this.
  return new Set(ids.filter((id) => lines.some((line) => line.includes(`\\n#${id} (`))));
}

function endOf(file: string): string[] {
  let open: number | undefined;
  try {
    open = fs.openSync(file, "r");
    const size = fs.fstatSync(open).size;
    const bytes = Buffer.alloc(Math.min(size, MOST_BYTES));
    const read = fs.readSync(open, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8", 0, read).split("\n");
  } catch {
    return [];
  } finally {
    if (open !== undefined) fs.closeSync(open);
  }
}
