// Draws docs/rooms.svg from the imports of src. `--check` only says whether it is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, readTexts, type Source } from "./sources.ts";

const root = join(import.meta.dir, "..");
const PICTURE = "docs/rooms.svg";

type Side = "client" | "server" | "both";

/** The rooms from top to bottom: a room loads from rooms below it. */
const ROWS: readonly (readonly (readonly [room: string, side: Side, about: string])[])[] = [
  [["main", "both", "chooses what runs"]],
  [
    ["cli", "client", "the commands"],
    ["serve", "server", "puts the server together"],
  ],
  [
    ["install", "client", "install, doctor, restart"],
    ["http", "server", "routes, guard, MCP, SSE"],
    ["webhooks", "server", "deliveries to receivers"],
    ["desktop", "server", "notifications"],
    ["push", "server", "the phone"],
  ],
  [
    ["hooks", "client", "run by an agent's client"],
    ["admin", "client", "tokens, backup, check"],
    ["operations", "both", "one file per tool, the door"],
  ],
  [
    ["rpc", "client", "one call to a bus"],
    ["tokens", "both", "token files"],
    ["sqlite", "server", "the embedded engine"],
    ["inbound", "server", "checks what sources send"],
  ],
  [["config", "both", "reads the environment"]],
  [
    ["runtime", "both", "Bun or Node"],
    ["domain", "both", "nouns, rules, ports"],
  ],
  [["lib", "both", "knows nothing of the bus"]],
];

const WIDTH = 900;
const BOX = { width: 168, height: 46 };
const ROW_HEIGHT = 92;
const TOP = 24;
const LANE = 9;

type Point = readonly [x: number, y: number];
/** Loading and loaded room. */
type Edge = readonly [from: string, to: string];

interface Box {
  room: string;
  side: Side;
  about: string;
  row: number;
  x: number;
  y: number;
}

const BOXES: readonly Box[] = ROWS.flatMap((rooms, row) =>
  rooms.map(([room, side, about], i) => {
    const x = (WIDTH / rooms.length) * (i + 0.5) - BOX.width / 2;
    return { room, side, about, row, x, y: TOP + row * ROW_HEIGHT };
  }),
);

/** Which room loads which, types included. */
export function edgesOf(sources: readonly Source[]): Edge[] {
  const roomOf = (path: string) => (path.split("/")[0] ?? "").replace(/\.ts$/, "");
  const known = new Set(BOXES.map(({ room }) => room));
  const found = sources.flatMap(({ path, imports }) =>
    imports.map(({ file = "" }) => `${roomOf(path)} ${roomOf(file)}`),
  );
  return [...new Set(found)]
    .map((words): Edge => words.split(" ") as unknown as Edge)
    .filter(([from, to]) => from !== to && known.has(from) && known.has(to))
    .sort();
}

/** Edges that follow from others are left out, but for those of main, and those that lead upwards. */
export function essential(all: readonly Edge[]): Edge[] {
  const edges = all.filter((edge) => !leadsUp(edge));
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    edges.some(([a, b]) => {
      if (a !== from || seen.has(b)) return false;
      if (b === to) return true;
      seen.add(b);
      return reaches(b, to, seen);
    });
  const follows = ([from, to]: Edge) => edges.some(([a, b]) => a === from && b !== to && reaches(b, to));
  return all.filter((edge) => edge[0] === "main" || leadsUp(edge) || !follows(edge));
}

/** No edge of a sound house does. */
const leadsUp = ([from, to]: Edge) => boxOf(from).row >= boxOf(to).row;

/** The picture of some edges. */
export function draw(edges: readonly Edge[]): string {
  const height = TOP + ROWS.length * ROW_HEIGHT + 22;
  const used = new Map<string, number>();
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12">`,
    "<title>The rooms of src and which loads which</title>",
    `<style>${STYLE}</style>`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    ...edges.map((edge) => arrow(edge, edges, used)),
    ...BOXES.map(box),
    ...LEGEND.map(([side, text], i) => legend(side, text, [24, 190, 290][i] ?? 0, height - 44)),
    `<text class="note" x="24" y="${height - 12}">An arrow means “loads”, types included. Arrows that follow from others are left out.</text>`,
    "</svg>",
    "",
  ].join("\n");
}

const LEGEND: readonly (readonly [Side, string])[] = [
  ["client", "commands and hooks"],
  ["server", "the server"],
  ["both", "both"],
];

const STYLE = [
  styleOf({
    page: "#fff",
    ink: "#1f2328",
    soft: "#59636e",
    client: "#ddf0ff",
    server: "#ffe9d6",
    both: "#eef0f3",
  }),
  `@media (prefers-color-scheme:dark){${styleOf({ page: "#0d1117", ink: "#e6edf3", soft: "#9aa4af", client: "#12344f", server: "#4a2a10", both: "#262c36" })}}`,
  ".arrow,.up{fill:none;stroke-width:1.3}.up{stroke:#d1242f;stroke-dasharray:5 3}.name{font-size:14px;font-weight:600}",
].join("");

function styleOf(colours: Readonly<Record<"page" | "ink" | "soft" | Side, string>>): string {
  const { page, ink, soft, client, server, both } = colours;
  return [
    `.page{fill:${page}}text{fill:${ink}}.note,.about{fill:${soft}}.arrow{stroke:${soft}}.tip{fill:${soft}}`,
    `.box{stroke:${soft}}.client{fill:${client}}.server{fill:${server}}.both{fill:${both}}`,
  ].join("");
}

function box({ room, side, about, x, y }: Box): string {
  const middle = x + BOX.width / 2;
  return `<rect class="box ${side}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="7"/><text class="name" x="${middle}" y="${y + 19}" text-anchor="middle">${room}</text><text class="about" x="${middle}" y="${y + 36}" text-anchor="middle" font-size="11">${about}</text>`;
}

function legend(side: Side, text: string, x: number, y: number): string {
  return `<rect class="box ${side}" x="${x}" y="${y}" width="16" height="12" rx="3"/><text class="note" x="${x + 22}" y="${y + 11}">${text}</text>`;
}

/** From below one box to the top of another, through the gaps of the rows between. */
function arrow([from, to]: Edge, edges: readonly Edge[], used: Map<string, number>): string {
  const [a, b] = [boxOf(from), boxOf(to)];
  if (a.row >= b.row) return `<path class="up" d="M${a.x + 20} ${a.y}L${b.x + 20} ${b.y + BOX.height}"/>`;
  const start: Point = [
    portOf(
      a,
      b,
      edges.filter(([one]) => one === from).map(([, other]) => other),
    ),
    a.y + BOX.height,
  ];
  const end: Point = [
    portOf(
      b,
      a,
      edges.filter(([, one]) => one === to).map(([other]) => other),
    ),
    b.y - 1,
  ];
  const rows = Array.from({ length: Math.max(0, b.row - a.row - 1) }, (_, i) => a.row + 1 + i);
  const points: Point[] = [start];
  for (const row of rows) {
    const [x] = points.at(-1) ?? start;
    const wanted = x + (end[0] - x) / (b.row - row + 1);
    const lane = laneNear(row, wanted, used);
    const y = TOP + row * ROW_HEIGHT;
    points.push([lane, y], [lane, y + BOX.height]);
  }
  return `<path class="arrow" marker-end="url(#tip)" d="${curve([...points, end])}"/>`;
}

function boxOf(room: string): Box {
  const found = BOXES.find((one) => one.room === room);
  if (found === undefined) throw new Error(`build/rooms.ts has no place for the room ${room}`);
  return found;
}

/** Where an arrow touches a box: its arrows stand side by side in the order of the boxes at their other ends. */
function portOf(box: Box, other: Box, rooms: readonly string[]): number {
  const ends = rooms.map(boxOf).sort((p, q) => p.x - q.x || p.row - q.row);
  return box.x + (BOX.width * (ends.indexOf(other) + 1)) / (ends.length + 1);
}

/** A free lane through a row, as near as may be to where the arrow would pass. */
function laneNear(row: number, wanted: number, used: Map<string, number>): number {
  const boxes = BOXES.filter((one) => one.row === row);
  const edges = [30, ...boxes.flatMap(({ x }) => [x - 12, x + BOX.width + 12]), WIDTH - 30];
  const gaps = Array.from(
    { length: edges.length / 2 },
    (_, i) => [edges[2 * i] ?? 0, edges[2 * i + 1] ?? 0] as const,
  );
  const into = ([low, high]: readonly [number, number]) => Math.min(high, Math.max(low, wanted));
  const lanes = gaps.map(into).sort((p, q) => Math.abs(p - wanted) - Math.abs(q - wanted));
  const lane = lanes[0] ?? wanted;
  const gap = gaps.find((one) => into(one) === lane) ?? [0, WIDTH];
  const step = lane - gap[0] < gap[1] - lane ? LANE : -LANE;
  let free = lane;
  while (taken(used, row, free)) free += step;
  used.set(`${row} ${free}`, free);
  return free;
}

function taken(used: ReadonlyMap<string, number>, row: number, x: number): boolean {
  return [...used].some(([key, at]) => key.startsWith(`${row} `) && Math.abs(at - x) < LANE);
}

/** A line through the points that leaves and enters each one straight down. */
function curve(points: readonly Point[]): string {
  const n = (value: number) => value.toFixed(1);
  const [first, ...rest] = points as [Point, ...Point[]];
  let [x, y] = first;
  let path = `M${n(x)} ${n(y)}`;
  for (const [nextX, nextY] of rest) {
    const middle = (y + nextY) / 2;
    path +=
      nextX === x ? `V${n(nextY)}` : `C${n(x)} ${n(middle)} ${n(nextX)} ${n(middle)} ${n(nextX)} ${n(nextY)}`;
    [x, y] = [nextX, nextY];
  }
  return path;
}

if (import.meta.main) {
  const made = draw(essential(edgesOf(await parse(readTexts(join(root, "src"))))));
  const file = join(root, PICTURE);
  const stale = readFileSync(file, "utf8") !== made;
  if (stale && process.argv.includes("--check")) {
    console.error(`${PICTURE} is stale. Run: npm run guide`);
    process.exit(1);
  }
  if (stale) writeFileSync(file, made);
  console.log(stale ? `drew ${PICTURE}` : `${PICTURE} is up to date`);
}
