// What carries a real client's session where the mod may not, and what the doctor says of it: with what forbids it there
// before `install` runs, and set after that.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import type { Finding } from "../support/doctor.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { outputOf } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";
import { Claude, findClaude, makePatient, VERSION } from "./client.ts";
import { startTalker } from "./talker.ts";
import { hasTmux, Terminal, Tmux } from "./terminal.ts";

const TIMEOUT_MS = 240_000;
const PATIENCE_MS = 60_000;

type When = "before" | "after";
/** `none`: nothing delivers, and the bus does not know the session. */
type Carried = "mod" | "waiter" | "none";

interface Row {
  /** The person's settings, and those of the machine's administrator. */
  user?: object;
  managed?: object;
  version?: string;
  flags?: readonly string[];
  /** With its words of the doctor about the plugin. */
  before: readonly [Carried, RegExp];
  after: readonly [Carried, RegExp];
}

const [USER, MANAGED] = [String.raw`\S+/\.claude/settings\.json`, "/etc/claude-code/managed-settings.json"];
const unused = (why: string) => new RegExp(`^note: not used, because ${why}`);
const dead = (why: string, repair: string) => new RegExp(`^bad: does not work\\. ${why}; .*${repair}`);

/** Forbids the plugin and leaves hooks alone. `after`: what carries a session whose plugin was there already. */
function pluginOnly(setting: string, where: object, after: Carried = "none"): Row {
  const why = `${setting} in ${"user" in where ? USER : MANAGED} forbids it`;
  return { ...where, before: ["waiter", unused(why)], after: [after, dead(why, "--hooks-only$")] };
}

function everything(setting: string, where: object, repair: string): Row {
  const why = `${setting} in ${"user" in where ? USER : MANAGED} forbids it`;
  return { ...where, before: ["none", unused(why)], after: ["none", dead(why, repair)] };
}

const ONLY_MANAGED = { "cc-plugin-sec-default@builtin": { options: { allowManagedModsOnly: true } } };
const old = ["waiter", unused("Claude Code 2.1.286 cannot load it, but 2.1.287 and later can")] as const;
const withMod = ["mod", /^ok: version \S+ in \S+/] as const;
const hooksOnly = ["waiter", /^note: left out \(--hooks-only\)/] as const;

const ROWS: Readonly<Record<string, Row>> = {
  "nothing forbids it": { before: withMod, after: withMod },
  "the user wants hooks": { flags: ["--hooks-only"], before: hooksOnly, after: hooksOnly },
  "an old client": { version: "2.1.286", before: old, after: old },
  disableAllHooks: everything("disableAllHooks", { user: { disableAllHooks: true } }, "settings.json$"),
  allowManagedHooksOnly: everything(
    ...(["allowManagedHooksOnly", { managed: { allowManagedHooksOnly: true } }] as const),
    `ask the administrator of this machine to change ${MANAGED}$`,
  ),
  // The command hooks of the plugin still run.
  allowManagedModsOnly: pluginOnly(
    ...(["allowManagedModsOnly", { managed: { pluginConfigs: ONLY_MANAGED } }, "waiter"] as const),
  ),
  enabledPlugins: pluginOnly("enabledPlugins", {
    user: { enabledPlugins: { "agent-event-bus@skills-dir": false } },
  }),
  strictPluginOnlyCustomization: pluginOnly("strictPluginOnlyCustomization", {
    managed: { strictPluginOnlyCustomization: ["skills"] },
  }),
  strictKnownMarketplaces: pluginOnly("strictKnownMarketplaces", {
    managed: { strictKnownMarketplaces: [] },
  }),
  blockedMarketplaces: pluginOnly("blockedMarketplaces", {
    managed: { blockedMarketplaces: [{ source: "skills-dir" }] },
  }),
};

const tmux = new Tmux(tempFolder(true));
const canMount = Bun.spawnSync(["unshare", "-rm", "true"]).success;

afterAll(() => {
  tmux.end();
  removeFolders();
});

/** Words in front of a program that finds these settings of an administrator, and no others. */
function managedBy(settings: object): string[] {
  const etc = tempFolder(true);
  mkdirSync(join(etc, "claude-code"));
  writeFileSync(join(etc, "claude-code/managed-settings.json"), JSON.stringify(settings));
  const mount = `mount -t overlay overlay -o lowerdir=${etc}:/etc /etc && exec "$@"`;
  return ["unshare", "-rm", "sh", "-c", mount, "sh"];
}

/** A person with a bus, and that client set up by `install`, before or after the settings of the row are there. */
async function sit({ user = {}, managed, flags = [] }: Row, file: string, when: When) {
  const bus = await startBus("binary", { folder: tempFolder(true), outlives: true });
  const { folder: home } = bus;
  const model = startTalker();
  const client = new Claude(file, home, model.url, managed && managedBy(managed));
  const bin = join(home, "bin");
  mkdirSync(bin);
  symlinkSync(file, join(bin, "claude"));
  const env = { ...client.env, PATH: `${bin}:${join(home, ".local/bin")}:${client.env.PATH}` };
  const run = (inside: readonly string[], ...args: string[]) =>
    outputOf([...inside, binary, ...args], { cwd: home, env });
  const settings = join(home, ".claude/settings.json");
  mkdirSync(join(home, ".claude"), { recursive: true });
  if (when === "before") writeFileSync(settings, JSON.stringify(user));
  const inside = when === "before" ? client.inside : [];
  const { code, stderr } = await run(inside, "install", "client", "--url", bus.url, "--yes", ...flags);
  expect([code, stderr]).toEqual([0, ""]);
  if (when === "after")
    writeFileSync(settings, JSON.stringify({ ...JSON.parse(readFileSync(settings, "utf8")), ...user }));
  const doctor = async (what: string): Promise<string> => {
    const { checks } = JSON.parse((await run(client.inside, "doctor", "--json")).stdout);
    const finding: Finding | undefined = checks.find((one: Finding) => one.what === what);
    return finding === undefined ? "" : `${finding.state}: ${finding.found}; ${finding.repair ?? ""}`;
  };
  return { bus, client, model, doctor };
}

const WORDS: Readonly<Record<Carried, RegExp>> = {
  mod: /the plugin delivers, and wakes it/,
  waiter: /hooks deliver, and a waiting process wakes it/,
  none: /^$/,
};

/** A session at a terminal, a message to it, and a second prompt. */
async function expectCarried({ bus, client, model, doctor }: Awaited<ReturnType<typeof sit>>, by: Carried) {
  const terminal = await Terminal.open(tmux, fresh("at").replaceAll(/\W/g, "-"), client);
  const heard = (text: string) =>
    eventually(`the model hears "${text}"`, () => model.heard(text) !== undefined, PATIENCE_MS);
  await terminal.say("hello");
  await heard("hello");
  const session = async () => (await bus.call("list_sessions")).result[0];
  if (by !== "none")
    await eventually(`the ${by} carries it`, async () => (await session())?.rung === by, PATIENCE_MS);
  expect(await doctor("session")).toMatch(WORDS[by]);
  const text = fresh("look here");
  const channel = by === "none" ? "all" : `session:${(await session()).session_id}`;
  await bus.call("publish_event", { event_type: "help_needed", payload: text, channel });
  if (by !== "none") await heard(text);
  await terminal.rests();
  await terminal.say("anything new?");
  await heard("anything new?");
  expect(model.count(text)).toBe(by === "none" ? 0 : 1);
  if (by === "none") expect(await session()).toBeUndefined();
}

for (const [what, row] of Object.entries(ROWS)) {
  const { managed, version = VERSION } = row;
  const file = hasTmux && (canMount || managed === undefined) ? await findClaude(version) : undefined;
  if (file === undefined)
    console.log(`NOT TESTED: ${what}, it needs Claude Code ${version}, tmux and namespaces of a user`);
  test.skipIf(file === undefined)(
    `${what}: ${row.before[0]} if it was so before install, else ${row.after[0]}`,
    async () => {
      const run = async (when: When) => {
        const place = await sit(row, String(file), when);
        const [by, says] = row[when];
        expect(await place.doctor("plugin")).toMatch(says);
        makePatient(place.client.home);
        await expectCarried(place, by);
        place.model.stop();
        await place.bus.kill();
      };
      await Promise.all([run("before"), run("after")]);
    },
    TIMEOUT_MS,
  );
}
