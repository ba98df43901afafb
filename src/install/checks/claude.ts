import { probe } from "../../rpc/probe.ts";
import { notWoken } from "../claude_version.ts";
import { findClaude } from "../registration.ts";
import { type Check, type Finding, isSameUrl } from "./facts.ts";
import { editOf } from "./policy.ts";

/** Whether Claude Code knows the bus as an MCP server, and comes in with what it knows. */
export const registration: Check = {
  what: "mcp",
  async look(place) {
    const { what } = registration;
    const bad = (found: string): Finding => ({ what, state: "bad", found, repair: place.install });
    const claude = findClaude(place.config);
    const found = place.registration();
    if (found === undefined && claude === undefined)
      return { what, state: "note", found: `Claude Code is not here; once it is: ${place.install}` };
    if (found === undefined && place.leftOut("mcp"))
      return { what, state: "note", found: `left out (--no-mcp); ${place.install} puts it in` };
    if (found === undefined) return bad("Claude Code does not know the bus");
    if (found.url === "") return bad("Claude Code knows the bus as something else than a server at a URL");
    if (!isSameUrl(found.url, place.url))
      return bad(`Claude Code asks ${found.url}; commands and hooks ask ${place.url}`);
    const ours = await place.probe();
    if (ours.kind === "bus") {
      const theirs = await probe(found.url, found.token);
      if (theirs.kind === "unauthorized")
        return bad(
          found.token === undefined
            ? "Claude Code has no token for the bus, which wants one"
            : "the token that Claude Code has is not valid",
        );
    }
    return {
      what,
      state: "ok",
      found: `Claude Code asks ${found.url}${found.token === undefined ? "" : ", with a token"}`,
    };
  },
};

/** Whether Claude Code runs every hook of the table. */
export const hooks: Check = {
  what: "hooks",
  async look(place) {
    const { what } = hooks;
    const { file, broken, ignored, missing, stale, right, disabledBy, tooOld } = await place.fittingHooks();
    const edit = editOf({ file, managed: false });
    const bad = (found: string, repair: string): Finding => ({ what, state: "bad", found, repair });
    if (broken !== undefined) return bad(broken, edit);
    if (ignored !== undefined) return bad(ignored, edit);
    if (disabledBy !== undefined)
      return bad(`switched off by ${disabledBy.setting} in ${disabledBy.file}`, editOf(disabledBy));
    const all = missing.length + stale.length + right.length;
    if (
      missing.length === all &&
      findClaude(place.config) === undefined &&
      place.registration() === undefined
    )
      return { what, state: "note", found: `none; once Claude Code is here: ${place.install}` };
    if (missing.length === all && place.leftOut("hooks"))
      return { what, state: "note", found: `left out (--no-hooks); ${place.install} puts them in` };
    if (tooOld !== undefined && stale.some((one) => one.endsWith("hook wait")))
      return bad(`${notWoken(tooOld)}, or take that hook out now`, place.install);
    if (missing.length + stale.length > 0) {
      const lacks = missing.length === 0 ? [] : [`not in ${file}: ${missing.join(", ")}`];
      const olds = stale.length === 0 ? [] : [`of another executable: ${stale.join(", ")}`];
      return bad([...lacks, ...olds].join("; "), place.install);
    }
    if (tooOld !== undefined)
      return { what, state: "note", found: `${notWoken(tooOld)}, then: ${place.install}` };
    return { what, state: "ok", found: `${right.length} of ${all} in ${file}` };
  },
};
