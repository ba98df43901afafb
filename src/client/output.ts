/** What a command prints, kept until it is shown. */
export interface Output {
  out: string;
  err: string;
}

/** Shows what was kept; false when nobody reads stdout any more (`| head`), which is no error. */
export async function flush(output: Output): Promise<boolean> {
  const { out, err } = output;
  output.out = "";
  output.err = "";
  if (err !== "") await write("stderr", err);
  return out === "" || write("stdout", out);
}

// The constant condition leaves each build its own half.
async function write(to: "stdout" | "stderr", text: string): Promise<boolean> {
  if (process.versions.bun !== undefined) return writeNow(to, text);
  const stream = to === "stdout" ? process.stdout : process.stderr;
  stream.on("error", () => {});
  // A slow reader still gets all of it.
  return new Promise((resolve) => void stream.write(text, (error) => resolve(!error)));
}

// Not process.stdout: loading Bun's streams takes longer than the rest of a short command.
function writeNow(to: "stdout" | "stderr", text: string): boolean {
  const { writeSync } = process.getBuiltinModule("node:fs");
  let rest = Buffer.from(text);
  try {
    while (rest.byteLength > 0) rest = rest.subarray(writeSync(to === "stdout" ? 1 : 2, rest));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return false;
    // A pipe that is full and does not wait.
    (to === "stdout" ? console.log : console.error)(rest.toString().replace(/\n$/, ""));
    return true;
  }
}
