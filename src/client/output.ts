/** What a command prints, kept until it is shown. */
export interface Output {
  out: string;
  err: string;
}

type Write = (to: "stdout" | "stderr", text: string) => boolean | Promise<boolean>;

/** Shows what was kept, at the end of a command. A reader that left early (`| head`) is no error. */
export async function flush(output: Output): Promise<void> {
  await show(output, write);
}

/** The same in the middle of one; false when nobody reads stdout any more. */
export async function flushLive(output: Output): Promise<boolean> {
  return show(output, process.versions.bun === undefined ? write : writeNow);
}

async function show(output: Output, by: Write): Promise<boolean> {
  const { out, err } = output;
  output.out = "";
  output.err = "";
  if (err !== "") await by("stderr", err);
  return out === "" || by("stdout", out);
}

// The constant condition leaves each build its own half.
async function write(to: "stdout" | "stderr", text: string): Promise<boolean> {
  if (process.versions.bun !== undefined) {
    log(to, text);
    return true;
  }
  const stream = to === "stdout" ? process.stdout : process.stderr;
  stream.on("error", () => {});
  // A slow reader still gets all of it.
  return new Promise((resolve) => void stream.write(text, (error) => resolve(!error)));
}

// Not process.stdout: loading Bun's streams takes longer than the rest of a short command. It tells no failure.
function log(to: "stdout" | "stderr", text: string): void {
  (to === "stdout" ? console.log : console.error)(text.endsWith("\n") ? text.slice(0, -1) : text);
}

function writeNow(to: "stdout" | "stderr", text: string): boolean {
  const { writeSync } = process.getBuiltinModule("node:fs");
  let rest = Buffer.from(text);
  try {
    while (rest.byteLength > 0) rest = rest.subarray(writeSync(to === "stdout" ? 1 : 2, rest));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return false;
    // A pipe that is full and does not wait.
    log(to, rest.toString());
    return true;
  }
}
