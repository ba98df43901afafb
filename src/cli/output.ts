/** What a command prints, kept until it is shown. */
export interface Output {
  out: string;
  err: string;
  /** Why stdout did not take something, as the system's error code; `EPIPE`: its reader left. */
  failed?: string;
}

/** Shows what was kept, and notes in `failed` when stdout did not take it; false from then on. */
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
/** What a program ends with that SIGPIPE ends. */
const NOT_READ = 141;

/** Shows what is left; returns the exit code: the one given, unless stdout did not take everything. */
export async function finish(output: Output, code: number): Promise<number> {
  if (await flush(output)) return code;
  if (output.failed === "EPIPE") return NOT_READ;
  await write("stderr", `agent-event-bus: the output could not be written (${output.failed}).\n`);
  return NOT_WRITTEN;
}

/** Resolves when a slow reader got all of it; with the system's error code when it could not be written. */
async function write(to: "stdout" | "stderr", text: string): Promise<string | undefined> {
  try {
    // The constant condition leaves each build its own half. Loading Bun's streams takes longer than a short command, and
    // console.log tells no failure.
    if (process.versions.bun !== undefined) await (to === "stdout" ? Bun.stdout : Bun.stderr).write(text);
    else await written(to === "stdout" ? process.stdout : process.stderr, text);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EIO";
  }
}

function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  stream.on("error", () => {});
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
