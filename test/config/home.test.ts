import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { installConfig } from "../../src/config/client.ts";
import { type Kind, programOf } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { runIn } from "../support/process.ts";

const SAYS = (home: string) =>
  `agent-event-bus: HOME is "${home}", which is not an absolute path. Set it to your home folder.`;
const COMMANDS = [
  "sessions",
  "token list",
  "check",
  "serve --port 0",
  "start",
  "install server --dry-run",
  "doctor",
  "restore x",
];

async function run(kind: Kind, line: string, HOME: string) {
  const cwd = tempFolder();
  const env = { PATH: process.env.PATH ?? "", HOME };
  const ended = await runIn([...(await programOf(kind)), ...line.split(" ")], {
    cwd,
    env,
    stdin: '{"session_id":"x"}',
  });
  expect(readdirSync(cwd)).toEqual([]);
  return ended;
}

test.each(COMMANDS)("%s refuses a home folder that is relative, and writes nothing there", async (line) => {
  for (const home of ["home", "./home", "~", "../home"]) {
    const { code, stdout, stderr } = await run("binary", line, home);
    expect([line, stdout, code]).toEqual([line, "", 78]);
    expect(stderr).toStartWith(SAYS(home));
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }
});

test("on Node too", async () => {
  for (const line of ["sessions", "serve --port 0"])
    expect(await run("node", line, "home")).toMatchObject({ code: 78 });
});

test.each(["hook prompt", "hook session-start", "--help", "--version"])(
  "%s is not stopped by it",
  async (line) => {
    expect(await run("binary", line, "home")).toMatchObject({ code: 0, stderr: "" });
  },
);

test("a relative XDG_CONFIG_HOME is ignored", () => {
  const units = (env: Record<string, string>) => installConfig(env).units;
  expect(units({ XDG_CONFIG_HOME: "config" })).toBe(units({}));
  expect(units({ XDG_CONFIG_HOME: "/config" })).toBe("/config/systemd/user");
});
