import { lazily } from "../lib/lazily.ts";
import { operation } from "./operation.ts";

/** A view may be this old (ms). */
const FRESH_MS = 250;

/** Loaded at the first call, so that commands do without it. */
const run = lazily(async () => (await import("./run_view.ts")).runView);

export const view = operation({
  name: "view",
  about: "Everything that the page shows besides events.",
  effect: "reads",
  scope: "read",
  tool: false,
  listed: false,
  params: {
    max_age_ms: {
      type: "integer",
      default: FRESH_MS,
      min: 0,
      max: FRESH_MS,
      about: "The answer may be this old (ms)",
    },
  },
  run: (bus, { max_age_ms }, { caller }) => run(bus, caller, max_age_ms),
});
