import { VARIABLES } from "./variables.ts";

/** A flag of `serve`. */
export interface ServeFlag {
  name: string;
  about: string;
  boolean?: true;
  short?: string;
  /** Placeholder of a value with a form of its own. */
  value?: string;
}

/** The flags of `serve`, in the order of its help: the settings that have one, then its own. */
export const SERVE_FLAGS: readonly ServeFlag[] = [
  ...Object.entries(VARIABLES).flatMap(([key, variable]) => {
    if (!("flag" in variable) || variable.flag === "url") return [];
    const { flag, about, name, fallback } = variable;
    const value = key === "db" ? { value: "file" } : {};
    return [{ name: flag, about: `${about} (${name}, default ${fallback})`, ...value }];
  }),
  { name: "detach", about: "Run in the background, also after the terminal is closed", boolean: true },
  { name: "json", about: "Print one JSON document: url, database, log", boolean: true },
  { name: "help", about: "Show this help", boolean: true, short: "h" },
  { name: "version", about: "Show the version", boolean: true },
];
