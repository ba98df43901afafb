import { expect, test } from "bun:test";
import { argumentsOf, requireAll } from "../../src/cli/arguments.ts";
import { parseLine } from "../../src/cli/argv.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { installCommands } from "../../src/install/index.ts";
import type { Json } from "../../src/lib/json.ts";
import { operations } from "../../src/operations/index.ts";
import { root } from "../support/bus.ts";

const commands = commandsOf(operations, installCommands);

async function parse(argv: readonly string[]): Promise<{ name: string; args: Json; globals: object }> {
  const line = await parseLine(argv, commands);
  const { command } = line;
  if (command === undefined) throw new Error("no command");
  const { url, json, debug, help, version } = line.globals;
  const on = Object.entries({ json, debug, help, version }).filter(([, set]) => set);
  return {
    name: command.name,
    args: argumentsOf({ ...line, command }),
    globals: { ...(url !== undefined && { url }), ...Object.fromEntries(on) },
  };
}

/** A command line (words parted by one space; ␣ is a space inside a word) gives a command, its arguments, the globals. */
function _(line: string, name: string, args: Json, globals: object = {}): void {
  test(line, () => expect(parse(words(line))).resolves.toEqual({ name, args, globals }));
}

/** A command line is refused with a sentence. */
function no(line: string, says: string): void {
  test(`refused: ${line}`, () => expect(complete(words(line))).rejects.toThrow(says));
}

const words = (line: string) => (line === "" ? [] : line.split(" ").map((word) => word.replaceAll("␣", " ")));

async function complete(argv: readonly string[]): Promise<void> {
  const { name, args } = await parse(argv);
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) requireAll(command, args);
}

_("sessions", "sessions", {});
_("install server", "install server", {});
_("install server --no-mcp -y --port 9090", "install server", { no_mcp: true, yes: true, port: 9090 });
_("sessions --json", "sessions", {}, { json: true });
_("--json sessions", "sessions", {}, { json: true });
_("--url http://a sessions", "sessions", {}, { url: "http://a" });
_("--url=http://a sessions", "sessions", {}, { url: "http://a" });
_("sessions --url http://a", "sessions", {}, { url: "http://a" });
_("--url http://a sessions --url http://b", "sessions", {}, { url: "http://b" });
_("sessions --debug --help --version", "sessions", {}, { debug: true, help: true, version: true });
_("sessions -h", "sessions", {}, { help: true });
_("help sessions", "sessions", {});
_("webhook register --url http://t", "webhook register", { url: "http://t" });
_(
  "--url http://b webhook register --url http://t",
  "webhook register",
  { url: "http://t" },
  { url: "http://b" },
);
_("webhook enable 7", "webhook enable", { webhook_id: 7, active: true });
_("webhook disable 7", "webhook disable", { webhook_id: 7, active: false });
_("webhook enable --json 7", "webhook enable", { webhook_id: 7, active: true }, { json: true });
_("webhook unregister -- 7", "webhook unregister", { webhook_id: 7 });
_("webhook list --all", "webhook list", {});
_("publish --type a --type b", "publish", { event_type: "b" });
_("publish --type=", "publish", { event_type: "" });
_("publish --type 0012", "publish", { event_type: "0012" });
_("publish --type 1e3", "publish", { event_type: "1e3" });
_("publish --type 0x1f", "publish", { event_type: "0x1f" });
_("publish --type -x", "publish", { event_type: "-x" });
_("publish --type -h", "publish", { event_type: "-h" });
_("publish --type --x", "publish", { event_type: "--x" });
_("publish --type --", "publish", { event_type: "--" });
_("publish --type -␣done", "publish", { event_type: "- done" });
_("publish --type true", "publish", { event_type: "true" });
_("publish --type=--json", "publish", { event_type: "--json" });
_("publish --type=a=b", "publish", { event_type: "a=b" });
_("publish --type ␣a␣", "publish", { event_type: " a " });
_("publish --type __proto__", "publish", { event_type: "__proto__" });
_("publish --tags a,b", "publish", { event_type: "note", tags: ["a", "b"] });
_("publish --tags ,␣a␣,,b,", "publish", { event_type: "note", tags: ["a", "b"] });
_("publish --tags ,", "publish", { event_type: "note" });
_("events --limit 0", "events", { limit: 0 });
_("events --limit 007", "events", { limit: 7 });
_("events --cursor 0012", "events", { cursor: "0012" });
_("events --resume --peek", "events", { resume: true, peek: true });
_("events --resume=true", "events", { resume: true });
_("events --order asc", "events", { order: "asc" });
_("events --min-level info --include a,b", "events", { min_level: "info", event_types: ["a", "b"] });
_("events --exclude a --timeout 5", "events", {});

no("publish --type --payload", "--type needs a value, but --payload follows.");
no("publish --type --json", "--type needs a value, but --json follows.");
no("publish --type", "--type needs a value.");
no("publish --type t", "publish needs a TEXT.");
_("publish --payload p", "publish", { event_type: "note", payload: "p" });
_("publish word", "publish", { event_type: "note", payload: "word" });
_("publish two words␣in␣one", "publish", { event_type: "note", payload: "two words in one" });
no("publish --payload p word", 'Unexpected argument "word".');
_("publish -", "publish", { event_type: "note", payload: "-" });
_("publish -- --type", "publish", { event_type: "note", payload: "--type" });
_("send api hi there --track", "send", { event_type: "message", channel: "api", payload: "hi there" });
_("send --type question api 0012", "send", { event_type: "question", channel: "api", payload: "0012" });
_("reply 17 hello", "reply", { event_id: 17, payload: "hello" });
_("reply #17 hello", "reply", { event_id: 17, payload: "hello" });
_("reply --to 17 hello", "reply", { event_id: 17, payload: "hello" });
_("reply --to 17 --payload hello", "reply", { event_id: 17, payload: "hello" });
_("ask api ready?", "ask", { to: "api", payload: "ready?" });
_("webhook add https://x/", "webhook register", { url: "https://x/" });
_("webhook rm 1", "webhook unregister", { webhook_id: 1 });
_("events -n 5 --include a", "events", { limit: 5, event_types: ["a"] });
no("reply hello", 'ID takes a whole number, not "hello".');
no("reply 17", "reply needs a TEXT.");
no("reply", "reply needs an ID and a TEXT.");
no("send", "send needs a TO and a TEXT.");
no("send api", "send needs a TEXT.");
no("webhook delete 1", 'Unknown command "webhook delete".');
no("publish -t", "Unknown flag -t.");
no("publish --no-type", "Unknown flag --no-type.");
no("publish --__proto__ x", "Unknown flag --__proto__.");
no("publish --Type x", 'Unknown flag --Type. Did you mean "--type"?');
no("publish --session_id x", 'Unknown flag --session_id. Did you mean "--session-id"?');
no("events --limit ten", '--limit takes a whole number, not "ten".');
no("events --limit=", '--limit takes a whole number, not "".');
no("events --limit 1e2", '--limit takes a whole number, not "1e2".');
no("events --limit -1", "--limit takes a number from 0 on, not -1.");
no("webhook enable 99999999999999999999", "takes a whole number");
no("events --order ASC", '--order is one of asc, desc, not "ASC".');
no("events --peek=false", '--peek takes no value, but was given "false".');
no("sessions --json=yes", '--json takes no value, but was given "yes".');
no("webhook enable", "webhook enable needs an ID.");
no("webhook enable x", 'ID takes a whole number, not "x".');
no("webhook enable -1", "Unknown flag -1.");
no("webhook enable -- -1", "ID takes a number from 0");
no("webhook enable 1 2", 'Unexpected argument "2".');
no("webhook enabel 1", 'Unknown command "webhook enabel".');
no("webhook lst", 'Unknown command "webhook lst". Did you mean "webhook list"?');
no("webhook list --active-only", "Unknown flag --active-only.");
no("register --machine x", "Unknown flag --machine.");
no("regster", 'Unknown command "regster". Did you mean "register"?');
no("help regster", 'Unknown command "regster". Did you mean "register"?');
no("--jsn sessions", 'Unknown flag --jsn. Did you mean "--json"?');
no("--url --json sessions", "--url needs a value, but --json follows.");
no("--url", "--url needs a value.");
no("--type t publish", "Unknown flag --type.");

test("half a command is a group, and nothing is no command", async () => {
  expect(await parseLine(["webhook"], commands)).toMatchObject({ command: undefined, group: "webhook" });
  expect(await parseLine(["help", "webhook"], commands)).toMatchObject({
    command: undefined,
    group: "webhook",
  });
  expect((await parseLine(["webhook", "--help"], commands)).globals.help).toBe(true);
  for (const argv of [[], ["--help"], ["help"]])
    expect(await parseLine(argv, commands)).toMatchObject({ command: undefined, group: undefined });
});

test.each([
  ["publish --type note --payload hello", false],
  ["publish hello", false],
  ["publish -- --hello", true],
])("%s loads cac: %p", (line, loads) => {
  const program = `
    import { parseLine } from "./src/cli/argv.ts";
    import { commandsOf } from "./src/cli/commands.ts";
    import { publishEvent } from "./src/operations/publish_event.ts";
    await parseLine(${JSON.stringify(line.split(" "))}, commandsOf([publishEvent]));
    console.log(Object.keys(require.cache).some((file) => file.includes("/node_modules/cac/")));`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", program], { cwd: root });
  expect(stdout.toString()).toBe(`${loads}\n`);
});
