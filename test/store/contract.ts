import { describe } from "bun:test";
import { crashes } from "./contract/crashes.ts";
import { cursors } from "./contract/cursors.ts";
import { log } from "./contract/log.ts";
import { mail } from "./contract/mail.ts";
import { needs } from "./contract/needs.ts";
import { outbox } from "./contract/outbox.ts";
import { peers } from "./contract/peers.ts";
import { pushes } from "./contract/pushes.ts";
import { registration } from "./contract/registration.ts";
import { search } from "./contract/search.ts";
import { sources } from "./contract/sources.ts";
import { closeAfterEach, type Engine } from "./engine.ts";

/** What every engine must do, asked of the port only. */
export function contract(engine: Engine): void {
  closeAfterEach();
  for (const part of [
    log,
    search,
    cursors,
    mail,
    outbox,
    registration,
    pushes,
    peers,
    needs,
    sources,
    crashes,
  ])
    describe(`${engine.name}: ${part.name}`, () => part(engine));
}
