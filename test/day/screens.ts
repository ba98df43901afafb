import type { CliOptions } from "../support/cli.ts";
import { startOnTerminal } from "../support/cli.ts";

const WIDTH = 80;

/** Prints a captured screen under the words of what the person does. */
export function show(scene: string, screen: string): void {
  const lines = screen.trimEnd().split("\n");
  const drawn = lines.map((line) => `│ ${line.trimEnd()}`);
  console.log([`── ${scene} ${"─".repeat(Math.max(0, WIDTH - scene.length))}`, ...drawn].join("\n"));
}

/** Types a command at a terminal of its own and returns what it shows, without colours. */
export async function typed(args: readonly string[], options: CliOptions): Promise<string> {
  const { child, shown } = await startOnTerminal(args, {
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  });
  await child.exited;
  child.terminal?.close();
  const text = Bun.stripANSI(shown()).replaceAll("\r", "");
  show(`$ agent-event-bus ${args.join(" ")}`, text);
  return text;
}
