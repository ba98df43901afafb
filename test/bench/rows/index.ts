import type { Row } from "../row.ts";
import { commands } from "./commands.ts";
import { cpu } from "./cpu.ts";
import { layers } from "./layers.ts";
import { memory } from "./memory.ts";
import { mixed } from "./mixed.ts";
import { outbox } from "./outbox.ts";
import { pages } from "./pages.ts";
import { postgres } from "./postgres.ts";
import { publish } from "./publish.ts";
import { read } from "./read.ts";
import { revisions } from "./revisions.ts";
import { search } from "./search.ts";
import { size } from "./size.ts";
import { sqlite } from "./sqlite.ts";
import { start } from "./start.ts";
import { wait } from "./wait.ts";
import { webhook } from "./webhook.ts";

/** In the order of the table. The memory of a bus is looked at after a rest, while the rows after it run. */
export const ROWS: readonly Row[] = [
  commands,
  memory,
  publish,
  read,
  mixed,
  pages,
  wait,
  webhook,
  outbox,
  start,
  cpu,
  size,
  sqlite,
  layers,
  search,
  revisions,
  postgres,
];
