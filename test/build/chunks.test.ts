// How the program is cut into chunks, of which each command loads its own. test/bench measures size and memory.
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { bundling } from "../../build/binary.ts";
import { slim } from "../../build/left_out.ts";
import { root } from "../support/bus.ts";

const chunks = new Map<string, string>();

beforeAll(async () => {
  const { outputs } = await Bun.build({ ...bundling(join(root, "src/main.ts"), [slim]), minify: false });
  for (const output of outputs) chunks.set(output.path.replace(/^.*\//, ""), await output.text());
});

/** The texts of a file's chunk, and of all chunks that are loaded with it. */
function loadedWith(file: string): string[] {
  const names = new Set(
    [...chunks].filter(([, text]) => text.includes(`\n// ${file}\n`)).map(([name]) => name),
  );
  for (const name of names)
    for (const [, other = ""] of (chunks.get(name) ?? "").matchAll(
      /^(?:import|\} from) .*"\.\/(chunk-\w+\.js)"/gm,
    ))
      names.add(other);
  return Array.from(names, (name) => chunks.get(name) ?? "");
}

test("the bus starts without the SDK of MCP", () => {
  const start = loadedWith("src/serve/serve.ts").join("\n");
  expect(start).toContain("// src/http/mcp/endpoint.ts");
  expect(start).toContain("// node_modules/zod/v4/core/schemas.js");
  expect(start).not.toContain("@modelcontextprotocol");
  expect([...chunks.values()].join("\n")).toContain("@modelcontextprotocol/sdk/dist/esm/server/index.js");
});

test("the bundler sees no import of the builtins that bring much bytecode", () => {
  const named =
    /\b(?:from|require|import)\b\W{1,3}(?:node:)?(?:child_process|dgram|dns(?:\/promises)?|https?|net|tls|zlib)"/g;
  const found = [...chunks.values()].flatMap((text) => text.match(named) ?? []);
  expect(found).toEqual([]);
});
