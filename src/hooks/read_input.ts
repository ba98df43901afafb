import { readStdin } from "../runtime/stdio.ts";
import { type HookInput, knownFields } from "./input.ts";

/** Reads the input of a hook. Empty if stdin holds no JSON object, or is a terminal, as in the prompt of a shell. */
export async function readInput(mayBeTerminal: boolean): Promise<HookInput> {
  try {
    // Asking takes a tenth of a hook's time.
    if (mayBeTerminal && process.getBuiltinModule("node:tty").isatty(0)) return {};
    return knownFields(JSON.parse((await readStdin()).trimStart()));
  } catch {
    return {};
  }
}
