import * as stdio from "../runtime/stdio.ts";

/** The output of a command until it is shown. */
export interface Output {
  out: string;
  err: string;
  /** The system's error code if stdout failed. `EPIPE` means that its reader left. */
  failed?: string;
}

/** Shows the output so far. False once stdout has failed. */
export async function flush(output: Output): Promise<boolean> {
  const { out, err } = output;
  output.out = "";
  output.err = "";
  if (err !== "") await write("stderr", err);
  if (out === "" || output.failed !== undefined) return output.failed === undefined;
  const failed = await write("stdout", out);
  if (failed !== undefined) output.failed = failed;
  return failed === undefined;
}

const NOT_WRITTEN = 74;
/** The code of a program that SIGPIPE ends. */
const NOT_READ = 141;

/** Shows the rest of the output. Returns the exit code: the one given, or another if stdout failed. */
export async function finish(output: Output, code: number): Promise<number> {
  if (await flush(output)) return code;
  if (output.failed === "EPIPE") return NOT_READ;
  await write("stderr", `agent-event-bus: the output could not be written (${output.failed}).\n`);
  return NOT_WRITTEN;
}

/** Returns the system's error code when the text could not be written. */
async function write(to: "stdout" | "stderr", text: string): Promise<string | undefined> {
  try {
    await stdio.write(to, text);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EIO";
  }
}
