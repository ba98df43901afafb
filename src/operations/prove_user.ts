import { mayAnswer, tellAttempt } from "../domain/answering.ts";
import { operation } from "./operation.ts";

export const proveUser = operation({
  name: "prove_user",
  about: "Find out whether the user is at the other end, for a command that only the user may run.",
  effect: "reads",
  scope: "any",
  tool: false,
  listed: false,
  params: {
    tried: { type: "text", max: 300, about: "The command, for the user to see if an agent tried it" },
  },
  async run(bus, { tried }, { caller }) {
    const refused = await mayAnswer(bus, caller);
    if (refused === null) return { proved: true };
    await tellAttempt(bus, refused, tried);
    return { error: refused.reason };
  },
});
