#!/usr/bin/env bun
const [command, ...rest] = process.argv.slice(2);
const helpOfServe = command === "help" && rest[0] === "serve";
if (command === "serve" || helpOfServe) {
  const { serve } = await import("./server/serve.ts");
  await serve(helpOfServe ? ["--help", ...rest.slice(1)] : rest);
} else {
  const { cli } = await import("./client/cli.ts");
  await cli(process.argv.slice(2));
}

export {};
