#!/usr/bin/env bun
const [first, ...rest] = process.argv.slice(2);
const asksHelp = first === "help" && (rest[0] === "serve" || rest[0] === "hook");
const [command, argv] = asksHelp ? [rest[0], ["--help", ...rest.slice(1)]] : [first, rest];
if (command === "serve") {
  const { serve } = await import("./server/serve.ts");
  await serve(argv);
} else if (command === "hook") {
  const { hook } = await import("./hooks/hook.ts");
  await hook(argv);
} else {
  const { cli } = await import("./client/cli.ts");
  await cli(process.argv.slice(2));
}

export {};
