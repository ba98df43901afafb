// Made-up sessions, needs and events of a small shop, on a Saturday evening.
import type { MailState } from "../../src/domain/direct_message.ts";
import { levelOf } from "../../src/domain/level.ts";
import type { Event, Need, Problem, Session } from "../../src/page/types.ts";

/** The evening of the pictures, local. */
export const EVENING = new Date(2026, 10, 28, 20, 26, 0).getTime();

const MINUTE = 60_000;
/** A time before the evening, RFC 3339. */
export const ago = (minutes: number) => new Date(EVENING - minutes * MINUTE).toISOString();
/** A clock time of the evening's day, or of an earlier one. */
const at = (clock: string, daysAgo = 0) => {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return new Date(2026, 10, 28 - daysAgo, hours, minutes, 3).toISOString();
};

type Row = readonly [
  name: string,
  repo: string,
  machine: string,
  branch: string,
  state: Session["state"],
  minutes: number,
];
type More = readonly [words: string, reach: Session["reach"], wakes: number, unread?: number];

const SESSIONS: readonly (readonly [...Row, ...More])[] = [
  [
    "api",
    "shop",
    "mac-studio",
    "feat/token-expiry",
    "busy",
    6,
    "The 401 path passes; now the note for clients",
    "next_tool",
    9,
  ],
  ["web", "shop", "mac-studio", "main", "idle", 3, "Refresh timer is in, PR #322 is open", "wakes", 14],
  [
    "migrate",
    "payments-api",
    "devbox",
    "feat/ledger-v2",
    "waiting",
    2,
    "Ready to add settled_at to ledger_entries",
    "waiting_for_person",
    6,
    1,
  ],
  [
    "flaky-tests",
    "payments-api",
    "devbox",
    "fix/flaky-refunds",
    "busy",
    18,
    "Run 31 of 50: 3 failures so far",
    "next_tool",
    4,
    1,
  ],
  [
    "docs-2",
    "docs",
    "mac-studio",
    "guide/tokens",
    "waiting",
    4,
    "Guide written; where does it go?",
    "waiting_for_person",
    8,
  ],
  ["docs-1", "docs", "devbox", "main", null, 52, "Limits page moved to the reference", "polls_only", 0, 2],
];

/** Sessions that rest, for a crowded page. */
const RESTING: readonly (readonly [repo: string, machine: string, ...names: string[]])[] = [
  ["search", "devbox", "search-1", "search-2", "search-3", "search-4", "search-5", "search-6", "search-7"],
  ["infra", "mac-studio", "release", "dns", "backups", "alerts", "costs"],
  ["mobile", "mac-studio", ...Array.from({ length: 12 }, (_, i) => `ios-${i + 1}`)],
];

function sessionOf([
  name,
  repo,
  machine,
  branch,
  state,
  minutes,
  last_words,
  reach,
  wakes_today,
  unread = 0,
]: readonly [...Row, ...More]): Session {
  return {
    ...{
      session_id: `id-${name}`,
      name,
      repo,
      machine,
      branch,
      state,
      reach,
      unread,
      last_words,
      wakes_today,
    },
    last_heartbeat: ago(minutes),
    state_since: ago(minutes),
    bytes_today: wakes_today * 5_000,
    ...(state === "waiting" && { waiting_since: ago(minutes) }),
  };
}

export function sessions(many = false): Session[] {
  const resting = RESTING.flatMap(([repo, machine, ...names]) =>
    names.map((name, i) => sessionOf([name, repo, machine, "main", "idle", 14 + 7 * i, "Done", "wakes", 1])),
  );
  return [...SESSIONS.map(sessionOf), ...(many ? resting : [])];
}

const COMMAND = `psql "$DATABASE_URL" <<'SQL'
\tALTER TABLE ledger_entries
\t  ADD COLUMN settled_at timestamptz;
\tUPDATE ledger_entries
\t   SET settled_at = booked_at
\t WHERE state = 'settled';
SQL`;

const HELP =
  "refund.spec.ts fails one run in nine, only with the sandbox of the payment provider. Is there an account without the limit of 5 requests a second?";

type NeedRow = Pick<Need, "kind" | "text"> & Partial<Need> & { of: string; minutes: number };

const NEEDS: readonly NeedRow[] = [
  {
    ...{ of: "docs-2", minutes: 3.7, kind: "question", tool: "AskUserQuestion" },
    text: "The guide to access tokens is written. Where should it go?",
    questions: [
      {
        question: "The guide to access tokens is written. Where should it go?",
        options: [
          { label: "Authentication", description: "after the login" },
          { label: "API reference", description: "with each call" },
          { label: "A new page", description: "linked from both" },
        ],
        multiple: false,
      },
    ],
  },
  {
    ...{ of: "migrate", minutes: 2, kind: "permission", tool: "Bash", cwd: "~/src/payments-api" },
    text: `Bash: ${COMMAND.replace(/\s+/g, " ").slice(0, 100)}…`,
    input: { command: COMMAND },
  },
  { of: "flaky-tests", minutes: 2 / 3, kind: "help", text: HELP },
];

const MORE_NEEDS: readonly NeedRow[] = [
  { of: "web", minutes: 0.58, kind: "ask", text: "Keep the old cart as a fallback for one release?" },
  {
    ...{ of: "release", minutes: 0.33, kind: "permission", tool: "Bash", cwd: "~/src/infra" },
    text: "git push origin v4.2.0",
    input: { command: "git push origin v4.2.0" },
  },
  {
    of: "search-2",
    minutes: 0.13,
    kind: "help",
    text: "The index build stops at 31% with “too many open files”",
  },
];

/** Needs of all shapes, for a closer look. */
const SHAPES: readonly NeedRow[] = [
  {
    ...{
      of: "api",
      minutes: 3,
      kind: "question",
      tool: "AskUserQuestion",
      text: "Which clients get the note?",
    },
    questions: [
      {
        question: "Which clients get the note?",
        options: [
          { label: "Web, iOS", description: "our own" },
          { label: "Partners", description: "by mail" },
          { label: "Everyone", description: "" },
        ],
        multiple: true,
      },
      {
        question: "When does the old token end?",
        options: [
          { label: "Today", description: "" },
          { label: "In a week", description: "" },
        ],
        multiple: false,
      },
    ],
  },
  {
    ...{
      of: "web",
      minutes: 2,
      kind: "permission",
      tool: "Edit",
      cwd: "~/src/shop",
      text: "Edit: src/cart.ts",
    },
    input: {
      file_path: "src/cart.ts",
      old_string: "const kept = 30;",
      new_string: `const kept = 60; // \u202eevil\u202c\u200b\n${"line\n".repeat(40)}`,
      replace_all: false,
    },
  },
  {
    of: "migrate",
    minutes: 1,
    kind: "elicitation",
    text: "Choose the account of the provider",
    answerable: false,
  },
];

export function needs(kind: "normal" | "many" | "none" | "shapes" = "normal"): Need[] {
  const rows = { normal: NEEDS, many: [...NEEDS, ...MORE_NEEDS], none: [], shapes: SHAPES }[kind];
  const all = sessions(true);
  return rows.map(({ of, minutes, ...row }, index) => {
    const session = all.find(({ name }) => name === of);
    return {
      ...{ need_id: index + 1, session_id: `id-${of}`, name: of, since: ago(minutes), answerable: true },
      ...{ repo: session?.repo ?? "", machine: session?.machine ?? "", branch: session?.branch ?? null },
      ...{ tool: null, cwd: null, event_id: row.kind === "help" || row.kind === "ask" ? HELP_EVENT : null },
      ...row,
    };
  });
}

export function problems(): Problem[] {
  return [
    {
      kind: "undelivered",
      event_id: 13,
      from: "api",
      to: "docs-1",
      since: ago(27),
      why: "docs-1 has no hooks",
    },
    {
      ...{ kind: "webhook", webhook_id: 1, host: "ci.shop.example", status: 503, since: ago(8) },
      ...{ next_at: ago(-4), pending: 11, dead: 0, paused: false },
    },
    { kind: "token", name: "ci", expires_at: new Date(2026, 11, 1, 21).toISOString() },
  ];
}

type Said = readonly [
  ...[time: string, from: string, to: string, type: string, text: string],
  delivery?: MailState | undefined,
  thread?: string | undefined,
];

const YESTERDAY: readonly Said[] = [
  [
    "17:02",
    "web",
    "repo:shop",
    "task_completed",
    "Checkout keeps the address when the card is refused; merged as #309",
  ],
  ["17:20", "docs-1", "all", "task_completed", "Changelog for 4.2 is ready to read"],
  [
    "17:36",
    "api",
    "migrate",
    "question",
    "Does the ledger keep cents or the provider’s minor unit?",
    "acked",
    "cents",
  ],
  [
    "17:37",
    "migrate",
    "api",
    "reply",
    "The provider’s minor unit; see src/money.ts. Yen has no cents.",
    "acked",
    "cents",
  ],
  ["18:10", "ci", "repo:payments-api", "ci_completed", "main: 1,204 tests pass in 6 min 12 s"],
  [
    "18:41",
    "migrate",
    "repo:payments-api",
    "task_completed",
    "Ledger v2 schema reviewed; three open points in docs/ledger.md",
  ],
  ["18:55", "human", "migrate", "note", "Thanks. The second point can wait until January.", "acked"],
];

const VISITS: readonly Said[] = [
  "09:12 api",
  "09:12 web",
  "09:12 docs-1",
  "09:40 release",
  "11:31 release",
  "18:02 migrate",
].map((text, i) => {
  const [time = "", who = ""] = text.split(" ");
  return [time, who, "all", i === 4 ? "session_unregistered" : "session_registered", `${who} is here`];
});

const TODAY: readonly Said[] = [
  [
    "19:31",
    "docs-2",
    "all",
    "gotcha_discovered",
    "mkdocs 1.7 drops anchors that contain a dot; write {#id} instead",
  ],
  ["19:44", "ci", "repo:shop", "ci_failed", "main: 2 of 412 tests fail in checkout/refund.spec.ts, run 8812"],
  [
    "19:58",
    "api",
    "docs-1",
    "note",
    "The table of rate limits moved to reference/limits.md; please link there",
    "stored",
  ],
  ["20:03", "human", "migrate", "note", "Keep the old column until Monday, please.", "acked", "column"],
  [
    "20:04",
    "migrate",
    "human",
    "reply",
    "The column stays; a separate migration drops it on Monday.",
    "seen",
    "column",
  ],
  [
    ...(["20:20", "api", "web", "question"] as const),
    "Access tokens now expire after 15 minutes, not 24 hours. Does the web client refresh them by itself, or only after a 401? The change is on feat/token-expiry and merges today.",
    ...(["acked", "tokens"] as const),
  ],
  [
    "20:21",
    "web",
    "api",
    "reply",
    "Only after a 401. I add a timer 60 s before expiry; a pull request follows in ten minutes.",
    "acked",
    "tokens",
  ],
  ["20:22", "api", "web", "reply", "Good. expires_in is in the login answer from #318 on.", "seen", "tokens"],
  [
    "20:23",
    "web",
    "repo:shop",
    "pattern_found",
    "fetchWithRetry() already handles 401; use it instead of a second wrapper",
  ],
  [
    "20:25",
    "web",
    "migrate",
    "note",
    "The statement page needs settled_at too; tell me when it is there",
    "stored",
  ],
  ["20:25", "human", "flaky-tests", "note", "Stop after run 50 and write down what you know.", "offered"],
  ["20:25", "flaky-tests", "repo:payments-api", "help_needed", HELP],
];

/** The event that calls for help. */
const HELP_EVENT = YESTERDAY.length + VISITS.length + TODAY.length;

export function events(): Event[] {
  const all = [
    ...YESTERDAY.map((said) => [said, 1] as const),
    ...[...VISITS, ...TODAY].map((said) => [said, 0] as const),
  ];
  return all.map(([[time, from, to, event_type, payload, delivery, thread], daysAgo], index) => {
    const channel = to.includes(":") || to === "all" ? to : `session:${idOf(to)}`;
    const explicit_level = event_type === "note" ? "info" : undefined;
    return {
      ...{
        id: index + 1,
        event_type,
        payload,
        session_id: idOf(from),
        channel,
        timestamp: at(time, daysAgo),
      },
      ...{ correlation_id: thread ?? null, origin: from === "human" ? "person" : "local" },
      signal_level: delivery ? "actionable" : levelOf({ event_type, channel, explicit_level }),
      ...(delivery && { delivery }),
    };
  });
}

export function idOf(name: string): string {
  return name === "human" ? name : `id-${name}`;
}

/** Names by session id. */
export function names(): Record<string, string> {
  const known = [...sessions(true).map(({ name }) => name), "ci", "release"];
  return Object.fromEntries(known.map((name) => [`id-${name}`, name]));
}

/** One more event, for a stream that goes on. */
export function eventNumber(id: number, time: number): Event {
  const all = sessions(true);
  const from = all[id % all.length]?.session_id ?? "";
  const to = all[(id * 7 + 3) % all.length]?.session_id ?? "";
  const isDirect = id % 3 === 0;
  const text = `Event ${id}: ${"the quick brown fox jumps over the lazy dog ".repeat(1 + (id % 4))}`.trim();
  return {
    ...{ id, event_type: isDirect ? "message" : "task_completed", payload: text, session_id: from },
    ...{ channel: isDirect ? `session:${to}` : "repo:shop", timestamp: new Date(time).toISOString() },
    ...{ correlation_id: id % 5 === 0 ? `thread-${Math.floor(id / 25)}` : null, origin: "local" },
    signal_level: isDirect ? "actionable" : "info",
    ...(isDirect && { delivery: "seen" as const }),
  };
}
