import { createInterface } from "node:readline/promises";

/** Asks a yes-or-no question on the terminal. Enter means yes, the end of the input means no. */
export async function agree(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const closed = new Promise<undefined>((resolve) => terminal.once("close", () => resolve(undefined)));
    const answer = await Promise.race([terminal.question(`${question} [Y/n] `), closed]);
    if (answer === undefined) process.stdout.write("\n");
    return answer !== undefined && /^\s*(y(es)?)?\s*$/i.test(answer);
  } finally {
    terminal.close();
  }
}
