import { probe } from "../../rpc/probe.ts";
import { notWoken } from "../claude_version.ts";
import { findClaude } from "../registration.ts";
import { isSameUrl } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";
import { editOf } from "./policy.ts";

/** Claude Code knows the bus as an MCP server, and its token is valid. */
export const registration = check("mcp", async (place) => {
  const { install } = place;
  const found = place.registration();
  if (found === undefined && findClaude(place.config) === undefined)
    return note(`Claude Code is not here; once it is: ${install}`);
  if (found === undefined && place.leftOut("mcp")) return note(`left out (--no-mcp); ${install} puts it in`);
  if (found === undefined) return bad("Claude Code does not know the bus", install);
  const { url, token } = found;
  if (url === "") return bad("Claude Code knows the bus as something else than a server at a URL", install);
  if (!isSameUrl(url, place.url))
    return bad(`Claude Code asks ${url}; commands and hooks ask ${place.url}`, install);
  const ours = await place.probe();
  const refused = ours.kind === "bus" && (await probe(url, token)).kind === "unauthorized";
  if (refused && token === undefined)
    return bad("Claude Code has no token for the bus, which wants one", install);
  if (refused) return bad("the token that Claude Code has is not valid", install);
  return ok(`Claude Code asks ${url}${token === undefined ? "" : ", with a token"}`);
});

/** Claude Code runs every hook of the table. */
export const hooks = check("hooks", async (place) => {
  const { install } = place;
  const { file, broken, ignored, missing, stale, right, disabledBy, tooOld } = await place.fittingHooks();
  const unusable = broken ?? ignored;
  if (unusable !== undefined) return bad(unusable, editOf({ file, managed: false }));
  if (disabledBy !== undefined)
    return bad(`switched off by ${disabledBy.setting} in ${disabledBy.file}`, editOf(disabledBy));
  const all = missing.length + stale.length + right.length;
  const none = missing.length === all;
  if (none && findClaude(place.config) === undefined && place.registration() === undefined)
    return note(`none; once Claude Code is here: ${install}`);
  if (none && place.leftOut("hooks")) return note(`left out (--no-hooks); ${install} puts them in`);
  if (tooOld !== undefined && stale.some((one) => one.endsWith("hook wait")))
    return bad(`${notWoken(tooOld)}, or take that hook out now`, install);
  const lacks = missing.length === 0 ? [] : [`not in ${file}: ${missing.join(", ")}`];
  const olds = stale.length === 0 ? [] : [`of another executable: ${stale.join(", ")}`];
  if (right.length < all) return bad([...lacks, ...olds].join("; "), install);
  if (tooOld !== undefined) return note(`${notWoken(tooOld)}, then: ${install}`);
  return ok(`${right.length} of ${all} in ${file}`);
});
