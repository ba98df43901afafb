import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandsOf } from "../../src/cli/commands.ts";
import { scriptFor } from "../../src/cli/completions/script.ts";
import { allCommands } from "../../src/cli/registry.ts";
import { localCommand } from "../../src/lib/command.ts";
import { startHere } from "../support/bus.ts";
import { bash, cli } from "../support/cli.ts";
import { HOSTILE } from "../support/hostile.ts";
import { type Shell, startShell } from "../support/shells.ts";

const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];
const nobody = { url: "http://127.0.0.1:1/mcp" };

const bus = await startHere();
/** Names with a meaning to a shell, each with the letters by which it is found. */
const ODD: readonly (readonly [start: string, name: string])[] = [
  ["aa", "aa $(touch owned)"],
  ["ab", "ab`touch owned`"],
  ["ac", "ac';touch owned;'"],
  ["ad", 'ad"; touch owned; "'],
  ["ae", "ae*?[a-z]{x,y}"],
  ["af", "af\\n\\"],
  ["ag", "ag & touch owned | cat > owned # no"],
  ["ah", "ah $HOME ~ !! <(touch owned)"],
  ["ai", "ai:b=c@d"],
  ["aj", "ajé日本"],
];
const NEVER = [
  ...HOSTILE.map((text) => `x${text}`),
  "--help",
  "two\nlines",
  "a\ttab",
  "an\u2003em space",
  "x\u0000y",
];
for (const name of ["web", "worker", ...ODD.map(([, name]) => name), ...NEVER])
  await bus.call("register_session", { name, client_id: `id-${name.replace(/[^\w]/g, "-")}`, cwd: "/" });
await bus.call("register_session", { name: "owner", client_id: "owner-1", claim: true });

async function script(shell: string): Promise<string> {
  const { stdout, stderr, code } = await cli(["completions", shell], { bus: nobody });
  expect(`${code} ${stderr}`).toBe("0 ");
  return stdout;
}

/** A shell in a folder with a few files, and the program on its PATH. */
async function shellWith(shell: Shell, text: string, url = bus.url) {
  const { home } = await bash("true", { bus });
  const cwd = join(home, "here");
  mkdirSync(join(cwd, "data"), { recursive: true });
  for (const file of ["copy.db", "notes 1.txt"]) writeFileSync(join(cwd, file), "");
  const env = { AGENT_EVENT_BUS_URL: url };
  const options = { folder: home, cwd, bin: join(home, "bin"), env, script: text };
  return { cwd, ...(await startShell(shell, options)) };
}

const FILES = ["copy.db", "data"];
const PEOPLE = ["web", "worker", "@owner", "@human", "all"];

/** Lines after the program's name, what is offered among others, and what is not. `=` tells that nothing else is. */
const TABLE: readonly (readonly [line: string, offered: readonly string[], not?: readonly string[] | "="])[] =
  [
    [
      "",
      ["sessions", "send", "webhook", "token", "install", "serve", "hook", "help", "completions"],
      ["list"],
    ],
    ["web", ["webhook"], "="],
    ["sess", ["sessions"], "="],
    ["ser", ["serve"], "="],
    ["start", ["start"], "="],
    ["nosuch ", [], "="],
    ["webhook ", ["list", "register", "add", "rm", "deliveries"], ["sessions", "webhook"]],
    ["webhook re", ["register", "redeliver"], "="],
    ["token ", ["create", "list", "revoke"], "="],
    ["install ", ["server", "client"], "="],
    ["help ", ["sessions", "webhook", "serve", "hook"], ["list"]],
    ["help webhook li", ["list"], "="],
    ["help sessions ", [], "="],
    ["--color ", ["auto", "always", "never"], "="],
    ["--color never sess", ["sessions"], "="],
    ["--url http://x webh", ["webhook"], "="],
    ["--ur", ["--url"], "="],
    ["events --o", ["--order"], "="],
    ["events --order ", ["asc", "desc"], "="],
    ["events --order d", ["desc"], "="],
    ["events --order=", ["asc", "desc"], "="],
    ["events --order=a", ["asc"], "="],
    ["events --min-level ", ["lifecycle", "info", "actionable"], "="],
    ["events -", ["--limit", "-n", "--follow", "-f", "--type", "--include", "--json", "--help", "-h"]],
    ["events -n 5 --type x --gr", ["--grep"], "="],
    ["events --type ", [], "="],
    ["webhook deliveries --state ", ["pending", "dead"]],
    ["webhook deliveries ", [], "="],
    ["webhook register --ordered ", [], "="],
    ["webhook add --ord", ["--ordered"], "="],
    ["attention web --wake ", ["direct", "repo", "all", "off", "default"], "="],
    ["attention --wake off w", ["web", "worker"], "="],
    ["attention --unmute w", ["web", "worker"], "="],
    ["events --full --ord", ["--order"], "="],
    ["attention ", ["web", "worker", "@owner", "all"], ["@human"]],
    ["attention --mute ", [], "="],
    ["send ", PEOPLE],
    ["send w", ["web", "worker"], "="],
    ["send web ", [], "="],
    ["send web hello w", [], "="],
    ["send web hello --tr", ["--track"], "="],
    ["send -- w", ["web", "worker"], "="],
    ["ask wo", ["worker"], "="],
    ["ask --to wo", ["worker"], "="],
    ["events --from w", ["web", "worker"], "="],
    ["events --from=w", ["web", "worker"], "="],
    ["events --to al", ["all"], "="],
    ["reply ", [], "="],
    ["backup ", FILES],
    ["backup co", ["copy.db"], "="],
    ["adopt ", FILES],
    ["restore co", ["copy.db"], "="],
    ["check --db ", FILES],
    ["check --db=co", ["copy.db"], "="],
    ["stop --db co", ["copy.db"], "="],
    ["serve --", ["--host", "--port", "--db", "--detach", "--json", "--help"], ["--url", "--color"]],
    ["serve --db co", ["copy.db"], "="],
    ["serve --port ", [], "="],
    ["hook ", ["prompt", "session-start", "wait"], ["send"]],
    ["hook prompt --format ", ["claude", "plain", "json"], "="],
    ["hook prompt --fo", ["--format"], "="],
    ["completions ", ["bash", "zsh", "fish"], "="],
    ["token create ci --scope ", ["read", "publish", "full", "answer"], "="],
    ["token list --url", [], "="],
    ["logs -", ["--follow", "-f", "--lines"], ["--url"]],
  ];

for (const shell of SHELLS) {
  const missing = Bun.which(shell) === null;
  if (missing) console.log(`skipped: completions of ${shell}, which is not here`);

  describe.skipIf(missing)(`completions of ${shell}`, async () => {
    const running = missing ? undefined : await shellWith(shell, await script(shell));

    test.each(TABLE)("%p", async (line, offered, not = []) => {
      const found = (await running?.offers(`agent-event-bus ${line}`)) ?? [];
      const words = found.map((word) => word.replace(/\/$/, ""));
      if (not === "=") expect(words.toSorted()).toEqual(offered.toSorted());
      else expect(words).toEqual(expect.arrayContaining([...offered]));
      for (const word of not === "=" ? [] : not) expect(words).not.toContain(word);
    });

    test.each(ODD)(
      "%p finds a name with a meaning to the shell, and changes nothing in it",
      async (start, name) => {
        expect(await running?.taken(`agent-event-bus send ${start}`)).toEqual(["send", name]);
        expect(existsSync(join(running?.cwd ?? "", "owned"))).toBe(false);
      },
    );

    test("a file with a space is quoted", async () => {
      expect(await running?.taken("agent-event-bus backup not")).toEqual(["backup", "notes 1.txt"]);
    });

    test("every command and every flag is offered", async () => {
      for (const { name, aliases, flags } of allCommands())
        for (const path of [name, ...aliases]) {
          expect(await running?.offers(`agent-event-bus ${path}`)).toContain(path.split(" ").at(-1) ?? "");
          const found = await running?.offers(`agent-event-bus ${path} --`);
          const named = flags.flatMap((flag) =>
            flag.alias === undefined ? [flag.name] : [flag.name, flag.alias],
          );
          expect(found).toEqual(expect.arrayContaining(named.map((flag) => `--${flag}`)));
        }
    });

    test("without a bus no name is offered, and nothing is said", async () => {
      const alone = await shellWith(shell, await script(shell), nobody.url);
      expect((await alone.offers("agent-event-bus send ")).toSorted()).toEqual(["@human", "all"]);
    });

    test("a new command is offered without more", async () => {
      const restored = localCommand({
        about: "Put a copy's data back.",
        params: {
          file: { type: "text", max: 64, about: "The copy" },
          mode: {
            type: "text",
            max: 64,
            choices: ["keep", "move"],
            short: "m",
            about: 'It\'s \\ $HOME `x`: "how"',
          },
        },
        command: {
          name: "restorex copy",
          aliases: ["unbackup"],
          words: [{ param: "file", placeholder: "FILE|DIR" }],
          examples: [["restorex copy x", "put it back"]],
        },
        run: async () => ({}),
        print() {},
      });
      const text = scriptFor(shell, commandsOf([], [restored]));
      const { offers } = await shellWith(shell, text);
      expect(await offers("agent-event-bus rest")).toEqual(["restorex"]);
      expect(await offers("agent-event-bus restorex ")).toEqual(["copy"]);
      expect(await offers("agent-event-bus unbackup cop")).toEqual(["copy.db"]);
      expect((await offers("agent-event-bus unbackup -m ")).toSorted()).toEqual(["keep", "move"]);
      expect(await offers("agent-event-bus unbackup --mo")).toEqual(["--mode"]);
      expect(await offers("agent-event-bus sessions ")).toEqual([]);
    });
  });
}

test.each([
  [["completions"], "completions needs a SHELL: bash, zsh or fish."],
  [["completions", "tcsh"], 'SHELL is one of bash, zsh, fish, not "tcsh".'],
])("%p is wrong usage, told in one sentence", async (argv, sentence) => {
  const { stdout, stderr, code } = await cli(argv, { bus: nobody });
  expect([stdout, stderr, code]).toEqual(["", `agent-event-bus: ${sentence}\n`, 64]);
});

test("completions --help shows how each shell loads the script", async () => {
  const { stdout } = await cli(["completions", "--help"], { bus: nobody });
  expect(stdout).toContain("source <(agent-event-bus completions bash)");
  expect(stdout).toContain("source <(agent-event-bus completions zsh)");
  expect(stdout).toContain("agent-event-bus completions fish | source");
});

test("completions --json prints one document", async () => {
  const { json } = await cli(["completions", "bash", "--json"], { bus: nobody });
  expect(json()).toEqual({ shell: "bash", script: await script("bash") });
});

test("completions SHELL --names prints names that fit on a line, each once, and nothing that is hostile", async () => {
  const { stdout, stderr, code } = await cli(["completions", "zsh", "--names"], { bus });
  expect(`${code} ${stderr}`).toBe("0 ");
  const shown = stdout.trimEnd().split("\n");
  expect(shown.toSorted()).toEqual(
    ["web", "worker", "owner", "@owner", ...ODD.map(([, name]) => name)].toSorted(),
  );
  const quoted = await cli(["completions", "bash", "--names", "--json"], { bus });
  expect(quoted.json().names).toContain("aa\\ \\$\\(touch\\ owned\\)");
  const away = await cli(["completions", "fish", "--names"], { bus: nobody });
  expect([away.stdout, away.stderr, away.code]).toEqual(["", "", 0]);
});
