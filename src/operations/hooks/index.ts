import type { Operation } from "../operation.ts";
import { collectEvents } from "./collect_events.ts";
import { confirmEvents } from "./confirm_events.ts";
import { startSession } from "./start_session.ts";

/** What hooks call; agents are not shown it. */
export const hookOperations: readonly Operation[] = [startSession, collectEvents, confirmEvents];
