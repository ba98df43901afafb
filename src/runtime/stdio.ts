// The constant conditions leave each build its own half. Loading Bun's streams takes longer than a short command.

/** Reads stdin to its end, with its byte order mark if it has one. */
export async function readStdin(): Promise<string> {
  // Bun.stdin.text() would start a thread.
  const pieces = process.versions.bun === undefined ? process.stdin : Bun.stdin.stream();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  for await (const piece of pieces) text += decoder.decode(piece as Uint8Array, { stream: true });
  return text + decoder.decode();
}

/**
 * Resolves when the reader has the whole text.
 * @throws Error with the system's code when it cannot be written. `EPIPE` means that no reader is left.
 */
export async function write(to: "stdout" | "stderr", text: string): Promise<void> {
  if (process.versions.bun !== undefined) await (to === "stdout" ? Bun.stdout : Bun.stderr).write(text);
  else await writeToStream(to === "stdout" ? process.stdout : process.stderr, text);
}

/** Exit code and sentence that follow from the system's error code of a stdout that failed. A reader that left is told nothing. */
export function unwritten(code: string): { exit: number; sentence: string } {
  // The code of a program that SIGPIPE ends.
  if (code === "EPIPE") return { exit: 141, sentence: "" };
  return { exit: 74, sentence: `agent-event-bus: the output could not be written (${code}).\n` };
}

/** Shows a text that is all that a command shows. Returns the exit code. */
export async function tell(text: string): Promise<number> {
  try {
    await write("stdout", text);
    return 0;
  } catch (error) {
    const { exit, sentence } = unwritten((error as NodeJS.ErrnoException).code ?? "EIO");
    await write("stderr", sentence).catch(() => {});
    return exit;
  }
}

function writeToStream(stream: NodeJS.WriteStream, text: string): Promise<void> {
  // Of many writes, one listener: Node warns of more than ten.
  if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** True if stdout is a terminal. With `colors`, Bun's answer about colors saves loading its streams. */
export function isTerminal(colors: boolean): boolean {
  if (process.versions.bun !== undefined && colors && !Bun.enableANSIColors) return false;
  return process.stdout.isTTY === true;
}

/** Columns of the terminal. Only for a process whose stdout is one. */
export function terminalWidth(): number {
  return process.stdout.columns || 80;
}
