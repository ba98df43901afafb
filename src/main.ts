#!/usr/bin/env bun
const [command, ...rest] = process.argv.slice(2);
if (command === "serve") {
  const { serve } = await import("./server/serve.ts");
  await serve(rest);
} else {
  const { cli } = await import("./client/cli.ts");
  await cli(process.argv.slice(2));
}

export {};
