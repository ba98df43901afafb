// The user answers a dialog from elsewhere, and its hook hands the answer to the client.
import { describe, expect, test } from "bun:test";
import { startBus, type TestBus } from "../support/bus.ts";
import { cliOnTerminal } from "../support/cli.ts";
import { clientAtWork, PERMISSION } from "../support/client_at_work.ts";
import { tempFolder } from "../support/folder.ts";
import { ended } from "../support/hooks.ts";
import { eventually } from "../support/webhook.ts";

const SILENT = { stdout: "", stderr: "", code: 0 };
const PATIENCE_MS = 30_000;
/** From the end of a dialog in its terminal to the end of its need. */
const CLOSED_MS = 3_000;

const bus = await startBus("binary");

const question = (question: string, labels: readonly string[], multiSelect = false) => ({
  ...{ question, header: "Pick", multiSelect },
  options: labels.map((label) => ({ label, description: "" })),
});
const COLOUR = question("Which colour?", ["Red", "Blue"]);
const SEVERAL = question("Which ones?", ["Red", "Blue", "Green"], true);
const NUMBERS = question("How many?", ["2", "1"]);

/** A client at a dialog whose hook stands by, and what the user sees of it. */
async function atDialog(input: object = PERMISSION, at: TestBus = bus) {
  const client = await clientAtWork(at);
  const child = await client.ask(input);
  const { session_id } = await client.listed();
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  const needs = async (args: object = {}): Promise<any[]> =>
    (await at.call("list_needs", args)).result.filter(
      (one: { session_id: string }) => one.session_id === session_id,
    );
  const [{ need_id }] = (await needs()) as [{ need_id: number }];
  const answer = async (...words: string[]) =>
    Bun.stripANSI(await cliOnTerminal(["answer", String(need_id), ...words], { bus: at }));
  const need = async () => (await needs({ need_id }))[0];
  return { ...client, child, need_id, need, answer };
}

/** The decision that a hook printed: one line, and nothing else. */
async function decision(child: Parameters<typeof ended>[0]): Promise<unknown> {
  const { stdout, ...others } = await ended(child);
  expect(others).toEqual({ stderr: "", code: 0 });
  expect(stdout).toMatch(/^\{[^\n]*\}\n$/);
  const { hookSpecificOutput, ...more } = JSON.parse(stdout);
  const { hookEventName, decision, ...further } = hookSpecificOutput;
  expect([more, hookEventName, further]).toEqual([{}, "PermissionRequest", {}]);
  return decision;
}

describe("a question", () => {
  test.each<[what: string, questions: object[], words: string[], answers: Record<string, string>]>([
    ["an option", [COLOUR], ["Blue"], { "Which colour?": "Blue" }],
    ["an option in other letters", [COLOUR], ["bLUE"], { "Which colour?": "Blue" }],
    ["the number of an option", [COLOUR], ["2"], { "Which colour?": "Blue" }],
    ["a number of no option", [COLOUR], ["3"], { "Which colour?": "3" }],
    ["zero", [COLOUR], ["0"], { "Which colour?": "0" }],
    ["own words", [COLOUR], ["neither,", "try", "green"], { "Which colour?": "neither, try green" }],
    ["an option that is a number", [NUMBERS], ["1"], { "How many?": "1" }],
    ["several options", [SEVERAL], ["1,", "green"], { "Which ones?": "Red, Green" }],
    ["one of several options", [SEVERAL], ["2"], { "Which ones?": "Blue" }],
    ["own words among several options", [SEVERAL], ["Red,", "or", "so"], { "Which ones?": "Red, or so" }],
    [
      "two questions",
      [COLOUR, SEVERAL],
      ["Red", "blue, green"],
      { "Which colour?": "Red", "Which ones?": "Blue, Green" },
    ],
  ])("is answered by %s", async (_what, questions, words, answers) => {
    const input = { questions, metadata: { source: "x" } };
    const { child, answer, tell, need } = await atDialog({ tool_name: "AskUserQuestion", tool_input: input });
    expect(await answer(...words)).toContain("Answered #");
    expect(await decision(child)).toEqual({ behavior: "allow", updatedInput: { ...input, answers } });
    expect(await need()).toMatchObject({
      ...{ state: "answered", answer: { answers }, by: "person", via: "shell", taken_at: expect.any(String) },
    });
    tell("busy");
  });

  test("of two takes two texts", async () => {
    const input = { questions: [COLOUR, SEVERAL] };
    const { child, answer, tell } = await atDialog({ tool_name: "AskUserQuestion", tool_input: input });
    for (const words of [["Red"], ["Red", "Blue", "Green"]])
      expect(await answer(...words)).toContain(
        "The dialog has 2 questions, so it takes 2 answers, each in quotes.",
      );
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("of an unknown shape is answered in its terminal", async () => {
    const { child, answer, tell } = await atDialog({
      tool_name: "AskUserQuestion",
      tool_input: { ask: "?" },
    });
    expect(await answer("Blue")).toContain("answer it in its terminal");
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });
});

describe("a permission", () => {
  test.each<[words: string[], decided: object]>([
    [["allow"], { behavior: "allow" }],
    [["ALLOW"], { behavior: "allow" }],
    [["deny"], { behavior: "deny" }],
    [["deny", "not", "on main: \u001b[31m ✋"], { behavior: "deny", message: "not on main: \u001b[31m ✋" }],
  ])("is decided by %j", async (words, decided) => {
    const { child, answer, tell } = await atDialog();
    expect(await answer(...words)).toContain("Answered #");
    expect(await decision(child)).toEqual(decided);
    tell("busy");
  });

  test.each([["yes"], ["allow", "always"], []])("takes no other words: %j", async (...words) => {
    const { child, answer, tell, need } = await atDialog();
    expect(await answer(...words)).not.toContain("Answered #");
    expect((await need()).state).toBe("open");
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("whose input is too large to be shown can be denied from elsewhere, not allowed", async () => {
    const tool_input = { file_path: "/tmp/x", content: "x".repeat(300_000) };
    const { child, answer, tell } = await atDialog({ tool_name: "Write", tool_input });
    expect(await answer("allow")).toContain("Its input cannot be shown here whole");
    expect(await answer("deny")).toContain("Answered #");
    expect(await decision(child)).toEqual({ behavior: "deny" });
    tell("busy");
  });

  test("of almost that size is allowed", async () => {
    const tool_input = { file_path: "/tmp/x", content: "x".repeat(255 * 1024) };
    const { child, answer, tell } = await atDialog({ tool_name: "Write", tool_input });
    expect(await answer("allow")).toContain("Answered #");
    expect(await decision(child)).toEqual({ behavior: "allow" });
    tell("busy");
  });

  test("of a large text that is not ASCII is known by its bytes", async () => {
    const tool_input = { file_path: "/tmp/x", content: "漢".repeat(100_000) };
    const { child, answer, tell } = await atDialog({ tool_name: "Write", tool_input });
    expect(await answer("allow")).toContain("Its input cannot be shown here whole");
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("goes to the first of two answers, and the other is told", async () => {
    const { child, answer, tell } = await atDialog();
    const shown = await Promise.all([answer("allow"), answer("deny", "no"), answer("deny", "never")]);
    expect(shown.filter((text) => text.includes("Answered #"))).toHaveLength(1);
    expect(shown.filter((text) => text.includes("is closed: "))).toHaveLength(2);
    const first = shown.findIndex((text) => text.includes("Answered #"));
    expect(await decision(child)).toEqual(
      [{ behavior: "allow" }, { behavior: "deny", message: "no" }, { behavior: "deny", message: "never" }][
        first
      ],
    );
    tell("busy");
  });
});

describe("a need ends", () => {
  test("when its dialog is answered in its terminal", async () => {
    const { child, answer, tell, need } = await atDialog();
    tell("busy");
    const closed = async () => (await need()).state === "withdrawn";
    await eventually("it is withdrawn", closed, CLOSED_MS);
    expect((await need()).reason).toBe("answered in its terminal");
    expect(await ended(child)).toEqual(SILENT);
    expect(await answer("allow")).toContain("is closed: answered in its terminal");
  });

  test("when its hook is killed, and no answer reaches anyone", async () => {
    const { child, answer, tell, need } = await atDialog();
    child.kill("SIGKILL");
    await eventually("it is withdrawn", async () => (await need()).state === "withdrawn", PATIENCE_MS);
    expect((await need()).reason).toBe("its dialog is gone");
    expect(await answer("allow")).toContain("is closed: its dialog is gone");
    tell("busy");
  });

  test("when its client is killed", async () => {
    const { client, child, need } = await atDialog();
    await client.kill();
    await eventually("it is withdrawn", async () => (await need()).state === "withdrawn", PATIENCE_MS);
    expect((await need()).reason).toBe("session gone");
    expect(await ended(child)).toEqual(SILENT);
  });
});

test("an answer that is given while the hook is away reaches it at its next try", async () => {
  const folder = tempFolder();
  const own = await startBus("binary", { folder });
  const { child, answer, need_id, tell } = await atDialog(PERMISSION, own);
  child.kill("SIGSTOP");
  await own.kill();
  const again = await startBus("binary", { folder, port: own.port });
  const shown = await answer("deny", "later");
  expect(shown).toContain("Answered #");
  expect(shown).toContain("has not taken the answer yet");
  await again.kill();
  const last = await startBus("binary", { folder, port: own.port });
  child.kill("SIGCONT");
  expect(await decision(child)).toEqual({ behavior: "deny", message: "later" });
  const [need] = (await last.call("list_needs", { need_id })).result;
  expect(need).toMatchObject({ state: "answered", taken_at: expect.any(String) });
  tell("busy");
});

test.each(["json", "plain"])("a hook of the format %s takes no answer", async (format) => {
  const client = await clientAtWork(bus);
  client.tell("waiting");
  const child = await client.hook("permission", PERMISSION, {}, bus.url, ["--format", format]);
  await client.comesTo("waiting");
  const { session_id } = await client.listed();
  const { result } = await bus.call("list_needs");
  const need = result.find((one: { session_id: string }) => one.session_id === session_id);
  expect(need.answerable).toBe(false);
  const shown = await cliOnTerminal(["answer", String(need.need_id), "allow"], { bus });
  expect(shown).toContain("No hook of that session takes answers");
  client.tell("busy");
  expect(await ended(child)).toEqual(SILENT);
});
