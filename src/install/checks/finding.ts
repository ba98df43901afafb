import type { Place } from "./facts.ts";

/** The result of a check. A `note` is not a problem. */
export interface Finding {
  what: string;
  state: "ok" | "note" | "bad";
  found: string;
  repair?: string;
}

/** A finding of the check that returns it, unless it names another one. */
type Said = Omit<Finding, "what"> & { what?: string };

/** One thing to look at. Returns undefined if it does not concern this machine. */
export interface Check {
  what: string;
  look(place: Place): Promise<Finding | readonly Finding[] | undefined>;
}

export function check(
  what: string,
  look: (place: Place) => Promise<Said | readonly Said[] | undefined>,
): Check {
  return {
    what,
    async look(place) {
      const said = await look(place);
      if (said === undefined) return undefined;
      return "found" in said ? { what, ...said } : said.map((one) => ({ what, ...one }));
    },
  };
}

export const ok = (found: string): Said => ({ state: "ok", found });

export const note = (found: string): Said => ({ state: "note", found });

export const bad = (found: string, repair?: string): Said =>
  repair === undefined ? { state: "bad", found } : { state: "bad", found, repair };
