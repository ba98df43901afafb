import type { Place } from "./facts.ts";

/** The result of a check. A `note` is not a problem. */
export interface Finding {
  what: string;
  state: "ok" | "note" | "bad";
  found: string;
  /** The command that repairs it. */
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

export function ok(found: string): Said {
  return { state: "ok", found };
}

export function note(found: string): Said {
  return { state: "note", found };
}

export function bad(found: string, repair?: string): Said {
  return { state: "bad", found, ...(repair !== undefined && { repair }) };
}
