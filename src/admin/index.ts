import { SCOPES } from "../domain/caller.ts";
import { type LocalCommand, localCommand } from "../lib/command.ts";
import { counted, quoted } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import type { Param } from "../lib/param.ts";
import { tilde } from "../lib/tilde.ts";
import { DB } from "./db_param.ts";
import { migrate } from "./migrate_command.ts";

// Declarations only. Each command loads its own code when it runs.

const NAME = {
  type: "text",
  max: 64,
  about: "Name of the token, e.g. laptop. Shown as the origin of events",
} as const satisfies Param;

function heldIn(result: Json): string {
  const nouns = ["event", "session", "webhook"];
  return nouns.map((noun) => counted(Number(result[`${noun}s`]), noun)).join(", ");
}

const tokenCreate = localCommand({
  about: "Make a token that lets another machine in, shown once.",
  params: {
    name: NAME,
    scope: {
      type: "text",
      default: "full",
      max: 8,
      choices: SCOPES,
      about: "publish only publishes, read only reads and moves no cursor, answer reads and answers for you",
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
    words: [{ param: "name", placeholder: "NAME", orFlag: true }],
    examples: [
      ["token create laptop", "a machine of yours"],
      ["token create ci --scope publish --expires 90d", "a build server that may only publish"],
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
    const [url, token] = [to.text(result.url), to.text(result.token)];
    if (result.scope === "full") {
      to.line("On the other machine:");
      to.line(`  agent-event-bus install client --url ${url} --token ${token}`);
    } else {
      to.line("On the other machine, before its commands:");
      to.line(`  export AGENT_EVENT_BUS_URL=${url}`);
      to.line(`  export AGENT_EVENT_BUS_TOKEN=${token}`);
    }
    for (const line of (result.notes as string[] | undefined) ?? []) to.line(to.text(line));
  },
});

const tokenList = localCommand({
  reads: true,
  about: "List tokens (never the tokens themselves).",
  params: { db: DB },
  command: { name: "token list", examples: [["token list", "who may come in"]] },
  run: async (args) => (await import("./token.ts")).listTokens(args),
  print(result, to) {
    const tokens = result.result as Record<string, unknown>[];
    if (tokens.length === 0) return to.line("No tokens.");
    const when = (time: unknown) => (time === null ? "-" : to.time(time));
    to.table(
      [
        { title: "NAME", min: 10 },
        { title: "SCOPE" },
        { title: "STATE" },
        { title: "CREATED", drop: 1 },
        { title: "EXPIRES" },
        { title: "LAST USED" },
      ],
      tokens.map((token) => [
        to.bold(to.text(token.name)),
        to.text(token.scope),
        to.text(token.state),
        when(token.created_at),
        when(token.expires_at),
        when(token.last_used_at),
      ]),
    );
  },
});

const tokenRevoke = localCommand({
  about: "Revoke a token: from its next request on, its holder is refused.",
  params: { name: NAME, db: DB },
  command: {
    name: "token revoke",
    words: [{ param: "name", placeholder: "NAME" }],
    examples: [["token revoke laptop", "shut it out"]],
  },
  run: async (args) => (await import("./token.ts")).revokeToken(args),
  print(result, to) {
    to.line(`Token ${to.bold(to.text(result.name))} is revoked since ${to.time(result.revoked_at)}`);
  },
});

const backup = localCommand({
  about:
    "Copy the database, consistent and checked, also while the bus runs. FILE: a new file with the database alone. DIR, an existing folder or a name that ends in /: a new dated folder in it, with the tokens and settings.env too.",
  params: {
    file: { type: "text", min: 1, max: 4096, about: "The copy, which must not exist, or a folder for it" },
    db: DB,
  },
  command: {
    name: "backup",
    words: [{ param: "file", placeholder: "FILE|DIR" }],
    examples: [
      ["backup ~/bus-backups/", "everything, in a new dated folder"],
      ["backup ~/bus-backup.db", "the database alone"],
      ['backup "bus-$(date +%F).db" --db ./data.db', "of another database, with the date in its name"],
    ],
  },
  run: async (args) => (await import("./backup.ts")).backup(args),
  print(result, to) {
    const { folder, file, tokens } = result;
    const more = [
      ...(Number(tokens) > 0 ? [counted(Number(tokens), "token")] : []),
      ...(result.settings === true ? ["settings.env"] : []),
    ];
    to.line(`${to.bold(to.text(tilde(String(folder ?? file))))}: ${[heldIn(result), ...more].join(", ")}`);
    const rebuilt = result.indexes_rebuilt === true ? ", damaged indexes were built anew in it" : "";
    const integrity = `integrity ${to.text(result.integrity)}${rebuilt}`;
    to.line(`${to.text(result.bytes)} bytes in ${to.text(result.milliseconds)} ms, ${integrity}`);
    if (folder !== undefined)
      to.line(`To bring it back: agent-event-bus restore ${to.text(quoted(String(folder)))}`);
  },
});

const restore = localCommand({
  about:
    "Replace the database with a backup. The present one is kept under another name. The bus must be stopped. From a DIR that backup made, it also restores tokens and settings.env if this machine has none.",
  params: {
    from: { type: "text", min: 1, max: 4096, about: "The backup" },
    db: DB,
  },
  command: {
    name: "restore",
    words: [{ param: "from", placeholder: "FILE|DIR" }],
    examples: [
      ["restore ~/bus-backups/agent-event-bus-2026-01-31-080000", "all that a backup holds"],
      ["restore ~/bus-backup.db", "the database alone"],
    ],
  },
  run: async (args) => (await import("./restore.ts")).restore(args),
  print(result, to) {
    const path = (value: unknown) => to.text(tilde(String(value)));
    const tokens = result.tokens as { state: string; names: string[] } | undefined;
    const rows = [
      ["database", `${heldIn(result)}, from ${path(result.from)}`],
      ["before", result.kept === null ? "there was no database" : `kept as ${path(result.kept)}`],
      ...(tokens === undefined ? [] : [["tokens", tokensBack(tokens)]]),
      ...(result.settings === undefined ? [] : [["settings", SETTINGS_BACK[String(result.settings)] ?? ""]]),
    ];
    for (const [label = "", value = ""] of rows) to.line(`${to.dim(label.padEnd(10))}${to.text(value)}`);
    to.line("To start the bus: agent-event-bus start");
  },
});

const SETTINGS_BACK: Readonly<Record<string, string>> = {
  restored: "settings.env is back",
  left: "settings.env of this machine is as it was",
  none: "none in the backup",
  unusable: "not restored: those of the backup cannot be used",
};

function tokensBack({ state, names }: { state: string; names: readonly string[] }): string {
  if (state === "none") return "none in the backup";
  if (state === "restored") return `back: ${names.join(", ")}`;
  return "those of this machine are as they were";
}

const check = localCommand({
  reads: true,
  about:
    "Check the database, and the permissions and sizes of its files. Exit code 0 if all is well. Changes nothing, and works whether the bus runs or not.",
  params: { db: DB },
  command: { name: "check", examples: [["check", "is everything in order"]] },
  run: async (args) => (await import("./check.ts")).check(args),
  print(result, to) {
    const checks = result.checks as { what: string; ok: boolean; found: string; repair?: string }[];
    to.table(
      [{}, {}, {}],
      checks.map(({ what, ok, found }) => [
        ok ? to.dim("ok") : to.colour("trouble", "BAD"),
        to.text(what),
        to.text(found),
      ]),
    );
    const repairs = checks.flatMap(({ repair }) => (repair === undefined ? [] : [repair]));
    if (repairs.length > 0) to.line("To repair this:");
    for (const repair of repairs) to.line(`  ${to.text(repair)}`);
  },
});

const adopt = localCommand({
  about:
    "Take over the database of an earlier release, or a backup, in place of an empty one. The bus must be stopped. The file itself is only read.",
  params: {
    file: { type: "text", min: 1, max: 4096, about: "The database to take over" },
    db: DB,
  },
  command: {
    name: "adopt",
    words: [{ param: "file", placeholder: "FILE" }],
    examples: [["adopt ~/.claude/event-bus.db", "go on with the history of an earlier release"]],
  },
  run: async (args) => (await import("./adopt.ts")).adopt(args),
  print(result, to) {
    to.line(`${to.bold(to.text(result.database))} holds ${heldIn(result)} of ${to.text(result.file)}`);
    if (result.kept !== undefined) to.line(`The empty one is kept as ${to.text(result.kept)}`);
    to.line("To start the bus: agent-event-bus start");
  },
});

/** Every command on files, in the order of the help. */
export const fileCommands: readonly LocalCommand[] = [
  tokenCreate,
  tokenList,
  tokenRevoke,
  backup,
  restore,
  check,
  adopt,
  migrate,
];
