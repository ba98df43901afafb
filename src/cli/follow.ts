import { visibleJson } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { Unreachable } from "../rpc/errors.ts";
import type { Answer, CommandCall } from "./command_call.ts";
import { DONE, show, type View } from "./show.ts";

const AGAIN_MS = 2_000;

/**
 * Shows one answer after the other until the user ends it. Asks a bus that is away again. Returns when the bus refuses, or
 * when `written` says that no reader is left.
 */
export async function follow(
  view: View,
  call: CommandCall,
  written: (args: Json, answer?: Answer) => Promise<boolean>,
): Promise<number> {
  const { command, as, printer } = view;
  let args = await call.args();
  for (let begun = false, away = false; ; ) {
    let answer: Answer | undefined;
    const sent = args;
    try {
      answer = await call.run(args);
      const { shown } = answer;
      if (shown.error !== undefined) return await show(view, shown);
      if (away) printer.note("The bus is back.");
      [begun, away] = [true, false];
      if (as === "json") for (const event of shown.events as Json[]) printer.line(visibleJson(event));
      else await command.print({ ...shown, following: true }, printer);
      args = command.command.next?.(args, shown) ?? args;
    } catch (error) {
      if (!(error instanceof Unreachable) || !begun) throw error;
      if (!away) printer.note(`agent-event-bus: ${printer.text(error.message)} Trying again.`);
      away = true;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    if (!(await written(sent, answer))) return DONE;
  }
}
