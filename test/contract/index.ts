import { afterAll, beforeAll, describe } from "bun:test";
import { type Kind, type ProcessBus, startBus, type TestBus } from "../support/bus.ts";
import { removeFolders } from "../support/folder.ts";
import { acking } from "./acking.ts";
import { arguments_ } from "./arguments.ts";
import { channels, desktop } from "./channels.ts";
import { deleted } from "./deleted.ts";
import { events } from "./events.ts";
import { fuzz } from "./fuzz.ts";
import { hostile } from "./hostile.ts";
import { allowedHosts, hosts } from "./hosts.ts";
import { lifecycle } from "./lifecycle.ts";
import { patience } from "./patience.ts";
import { presence } from "./presence.ts";
import { previews } from "./previews.ts";
import { reading } from "./reading.ts";
import { resuming } from "./resuming.ts";
import { searching } from "./searching.ts";
import { sessions } from "./sessions.ts";
import { tools } from "./tools.ts";
import { transport } from "./transport.ts";
import { waiting } from "./waiting.ts";
import { webhooks } from "./webhooks.ts";

/** In this order: the last ones leave much behind. */
const SECTIONS: Record<string, (target: () => TestBus) => void> = {
  transport,
  tools,
  sessions,
  presence,
  channels,
  events,
  reading,
  resuming,
  previews,
  searching,
  waiting,
  acking,
  deleted,
  webhooks,
  hosts,
  hostile,
  fuzz,
  arguments: arguments_,
};

/** Runs the contract against servers of one kind: one for every section, others for what needs its own. */
export function contractOf(kind: Kind): void {
  const slow = patience(kind);
  let bus: ProcessBus;
  beforeAll(async () => {
    bus = await startBus(kind, { outlives: true });
  });
  slow.begin();
  for (const [name, suite] of Object.entries(SECTIONS)) describe(`${kind}: ${name}`, () => suite(() => bus));
  describe(`${kind}: desktop`, () => desktop(kind));
  describe(`${kind}: allowed hosts`, () => allowedHosts(kind));
  describe(`${kind}: lifecycle`, () => lifecycle(kind));
  slow.end();
  afterAll(async () => {
    await Promise.all([bus.kill(), slow.kill()]);
    removeFolders();
  });
}
