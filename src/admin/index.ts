import { SCOPES } from "../domain/caller.ts";
import { type LocalCommand, localCommand } from "../lib/command.ts";
import { counted } from "../lib/escape.ts";
import type { Param } from "../lib/param.ts";

// Declarations only. Each command loads its own code when it runs.

const DB = {
  type: "text",
  optional: true,
  max: 4096,
  about: "Database file (AGENT_EVENT_BUS_DB, default data.db in the data directory)",
} as const satisfies Param;

const NAME = {
  type: "text",
  max: 64,
  about: "Its name, e.g. laptop; shown as the origin of events",
} as const satisfies Param;

const tokenCreate = localCommand({
  about: "Make a token that lets another machine in, shown once.",
  params: {
    name: NAME,
    scope: {
      type: "text",
      default: "full",
      max: 8,
      choices: SCOPES,
      about: "publish only publishes, read only reads and moves no cursor",
    },
    expires: {
      type: "text",
      optional: true,
      max: 16,
      about: "After this time, e.g. 90d, 12h (default: never)",
    },
    db: DB,
  },
  command: {
    name: "token create",
    examples: [
      ["token create --name laptop", "a machine of yours"],
      ["token create --name ci --scope publish --expires 90d", "a build server that may only publish"],
    ],
  },
  run: async (args) => (await import("./token.ts")).createToken(args),
  print(result, to) {
    const expiry = result.expires_at === null ? "never expires" : `expires ${to.time(result.expires_at)}`;
    to.line(
      `Token ${to.bold(to.text(result.name))}, scope ${to.text(result.scope)}, ${expiry}. Shown only now:`,
    );
    to.line();
    to.line(`  ${to.text(result.token)}`);
    to.line();
    to.line("On the other machine, with the bus's address in the place of BUS:");
    to.line("  export AGENT_EVENT_BUS_URL=http://BUS:8080/mcp AGENT_EVENT_BUS_TOKEN=TOKEN");
    to.line("  claude mcp add --transport http --scope user agent-event-bus http://BUS:8080/mcp \\");
    to.line('    --header "Authorization: Bearer TOKEN"');
  },
});

const tokenList = localCommand({
  about: "List tokens (never the tokens themselves).",
  params: { db: DB },
  command: { name: "token list", examples: [["token list", "who may come in"]] },
  run: async (args) => (await import("./token.ts")).listTokens(args),
  print(result, to) {
    const tokens = result.result as Record<string, unknown>[];
    if (tokens.length === 0) return to.line("No tokens.");
    const when = (time: unknown) => (time === null ? "-" : to.time(time));
    to.table([
      ["NAME", "SCOPE", "STATE", "CREATED", "EXPIRES", "LAST USED"].map((title) => to.dim(title)),
      ...tokens.map((token) => [
        to.bold(to.text(token.name)),
        to.text(token.scope),
        to.text(token.state),
        when(token.created_at),
        when(token.expires_at),
        when(token.last_used_at),
      ]),
    ]);
  },
});

const tokenRevoke = localCommand({
  about: "Revoke a token: from its next request on, its holder is refused.",
  params: { name: NAME, db: DB },
  command: {
    name: "token revoke",
    positional: "name",
    placeholder: "NAME",
    examples: [["token revoke laptop", "shut it out"]],
  },
  run: async (args) => (await import("./token.ts")).revokeToken(args),
  print(result, to) {
    to.line(`Token ${to.bold(to.text(result.name))} is revoked since ${to.time(result.revoked_at)}`);
  },
});

const backup = localCommand({
  about:
    "Copy the database into a new file, consistent and checked, also while the bus runs. Tokens (the folder beside the database whose name ends in .tokens) and settings.env are not in it: copy them with cp -a.",
  params: {
    file: { type: "text", min: 1, max: 4096, about: "The copy; it must not exist" },
    db: DB,
  },
  command: {
    name: "backup",
    positional: "file",
    placeholder: "FILE",
    examples: [
      ["backup ~/bus-backup.db", "keep a copy"],
      ['backup "bus-$(date +%F).db" --db ./data.db', "of another database, with the date in its name"],
    ],
  },
  run: async (args) => (await import("./backup.ts")).backup(args),
  print(result, to) {
    const held = ["event", "session", "webhook"].map((noun) => counted(Number(result[`${noun}s`]), noun));
    to.line(`${to.bold(to.text(result.file))}: ${held.join(", ")}`);
    to.line(
      `${to.text(result.bytes)} bytes in ${to.text(result.milliseconds)} ms; integrity ${to.text(result.integrity)}`,
    );
  },
});

const check = localCommand({
  about:
    "Check the database, its files' permissions and sizes; exit code 0 when all is well. Changes nothing, and works whether the bus runs or not.",
  params: { db: DB },
  command: { name: "check", examples: [["check", "is everything in order"]] },
  run: async (args) => (await import("./check.ts")).check(args),
  print(result, to) {
    const checks = result.checks as { what: string; ok: boolean; found: string; repair?: string }[];
    to.table(
      checks.map(({ what, ok, found }) => [
        ok ? to.colour("green", "ok") : to.colour("red", "BAD"),
        to.text(what),
        to.text(found),
      ]),
    );
    const repairs = checks.flatMap(({ repair }) => (repair === undefined ? [] : [repair]));
    if (repairs.length > 0) to.line("What to do:");
    for (const repair of repairs) to.line(`  ${to.text(repair)}`);
  },
});

const adopt = localCommand({
  about:
    "Take over the database of an earlier release, or a backup, in the place of an empty one. The bus must be stopped; the file itself is only read.",
  params: {
    file: { type: "text", min: 1, max: 4096, about: "The database to take over" },
    db: DB,
  },
  command: {
    name: "adopt",
    positional: "file",
    placeholder: "FILE",
    examples: [["adopt ~/.claude/event-bus.db", "go on with the history of an earlier release"]],
  },
  run: async (args) => (await import("./adopt.ts")).adopt(args),
  print(result, to) {
    const held = ["event", "session", "webhook"].map((noun) => counted(Number(result[`${noun}s`]), noun));
    to.line(`${to.bold(to.text(result.database))} holds ${held.join(", ")} of ${to.text(result.file)}`);
    if (result.kept !== undefined) to.line(`The empty one is kept as ${to.text(result.kept)}`);
    to.line("Start the bus again: agent-event-bus restart, or: agent-event-bus serve");
  },
});

/** Every command on files, in the order of the help. */
export const fileCommands: readonly LocalCommand[] = [
  tokenCreate,
  tokenList,
  tokenRevoke,
  backup,
  check,
  adopt,
];
