import type { Operation } from "../operation.ts";
import { collectEvents } from "./collect_events.ts";
import { confirmEvents } from "./confirm_events.ts";
import { reportDialog } from "./report_dialog.ts";
import { startSession } from "./start_session.ts";
import { watchInbox } from "./watch_inbox.ts";

/** Operations that hooks call. Agents are not shown them. */
export const hookOperations: readonly Operation[] = [
  startSession,
  collectEvents,
  confirmEvents,
  reportDialog,
  watchInbox,
];
