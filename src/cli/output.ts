import * as stdio from "../runtime/stdio.ts";

type Stream = "stdout" | "stderr";

/** The output of a command until it is shown, in its order. */
export interface Output {
  pieces: { to: Stream; text: string }[];
  /** The system's error code if stdout failed. `EPIPE` means that its reader left. */
  failed?: string;
}

/** Adds a text to the output. */
export function put({ pieces }: Output, to: Stream, text: string): void {
  const last = pieces.at(-1);
  if (last?.to === to) last.text += text;
  else pieces.push({ to, text });
}

/** Shows the output so far. False once stdout has failed. */
export async function flush(output: Output): Promise<boolean> {
  for (const { to, text } of output.pieces.splice(0)) {
    if (text === "" || (to === "stdout" && output.failed !== undefined)) continue;
    const failed = await write(to, text);
    if (to === "stdout" && failed !== undefined) output.failed = failed;
  }
  return output.failed === undefined;
}

/** Shows the rest of the output. Returns the exit code: the one given, or another if stdout failed. */
export async function finish(output: Output, code: number): Promise<number> {
  if (await flush(output)) return code;
  const { exit, sentence } = stdio.unwritten(output.failed ?? "EIO");
  if (sentence !== "") await write("stderr", sentence);
  return exit;
}

/** Returns the system's error code when the text could not be written. */
async function write(to: Stream, text: string): Promise<string | undefined> {
  try {
    await stdio.write(to, text);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EIO";
  }
}
