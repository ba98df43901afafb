import { visibleJson } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { Unreachable } from "../rpc/call.ts";
import type { Answer, Asking } from "./command_call.ts";
import { DONE, show, type View } from "./show.ts";

const AGAIN_MS = 2_000;

/**
 * Shows one answer after the other until the person ends it; a bus that is away is asked again. Returns when it is refused,
 * or `written` says that nobody reads any more.
 */
export async function follow(
  view: View,
  { args: first, ask }: Asking,
  written: (args: Json, answer?: Answer) => Promise<boolean>,
): Promise<number> {
  const { command, as, printer } = view;
  let args = await first();
  for (let begun = false, away = false; ; ) {
    let answer: Answer | undefined;
    const asking = args;
    try {
      answer = await ask(args);
      const { result } = answer;
      if (result.error !== undefined) return show(view, result);
      if (away) printer.note("The bus is back.");
      [begun, away] = [true, false];
      if (as === "json") for (const event of result.events as Json[]) printer.line(visibleJson(event));
      else command.print({ ...result, following: true }, printer);
      args = command.command.next?.(args, result) ?? args;
    } catch (error) {
      if (!(error instanceof Unreachable) || !begun) throw error;
      if (!away) printer.note(`agent-event-bus: ${printer.text(error.message)} Trying again.`);
      away = true;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    if (!(await written(asking, answer))) return DONE;
  }
}
