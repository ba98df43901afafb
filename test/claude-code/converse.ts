import { expect, test } from "bun:test";
import { tempFolder } from "../support/folder.ts";
import { Claude, findClaude } from "./client.ts";
import { type CallTool, type Model, startModel } from "./model.ts";
import { hasTmux } from "./terminal.ts";

export const TIMEOUT_MS = 240_000;

const claude = await findClaude();
if (claude === undefined) console.log("skipped: real Claude Code, no command claude");
export const testWithClaude = test.skipIf(claude === undefined);
if (!hasTmux) console.log("skipped: real Claude Code at a terminal, no command tmux");
export const atTerminal = claude !== undefined && hasTmux;
export const testAtTerminal = test.skipIf(!atTerminal);

/** A client of a new user; without a model it only runs commands. */
export function newClient(
  modelUrl?: string,
  home = tempFolder(),
  inside: readonly string[] = [],
  file = String(claude),
): Claude {
  return new Claude(file, home, modelUrl, inside);
}

/** Plays a conversation: a real `claude -p` on `url`, with `script` in the model's place. `file`: another version. */
export async function converse(
  url: string,
  script: (call: CallTool) => Promise<void>,
  token?: string,
  file?: string,
): Promise<Model> {
  const model = startModel(script);
  const client = newClient(model.url, undefined, [], file);
  await client.add(url, token);
  const printed = await client.run(
    "-p",
    "What is new?",
    "--allowedTools",
    "mcp__agent-event-bus,ReadMcpResourceTool",
  );
  await model.end();
  expect(printed).toBe("done\n");
  return model;
}

/** Calls a tool of the bus and returns what the model was shown, read as JSON. */
export function answersOf(call: CallTool) {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  return async (tool: string, input: object = {}): Promise<any> => {
    const { text, isError } = await call(`mcp__agent-event-bus__${tool}`, input);
    if (isError) throw new Error(`${tool}: ${text}`);
    return JSON.parse(text);
  };
}
