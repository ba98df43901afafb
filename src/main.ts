#!/usr/bin/env bun
import { help, shortHelp, version } from "./cli/macros.ts" with { type: "macro" };

const [first, ...rest] = process.argv.slice(2);
const alone = rest.length === 0 ? first : undefined;
const asksHelp = first === "help" && (rest[0] === "serve" || rest[0] === "hook");
const [command, argv] = asksHelp ? [rest[0], ["--help", ...rest.slice(1)]] : [first, rest];
if (first === undefined) await tell(shortHelp());
else if (alone === "--help" || alone === "-h" || alone === "help") await tell(help());
else if (alone === "--version") await tell(version());
else if (command === "serve") {
  const { serve } = await import("./serve/serve.ts");
  await serve(argv);
} else if (command === "hook") {
  const { hook } = await import("./hooks/hook.ts");
  await hook(argv);
} else {
  const { cli } = await import("./cli/cli.ts");
  await cli(process.argv.slice(2));
}

async function tell(text: string): Promise<void> {
  const { finish } = await import("./cli/output.ts");
  process.exitCode = await finish({ pieces: [{ to: "stdout", text: `${text}\n` }] }, 0);
}
