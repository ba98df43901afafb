import { isLoopback } from "../lib/loopback.ts";
import { ConfigError } from "./parse_settings.ts";

/** A database on a PostgreSQL server. */
export interface PostgresPlace {
  /** With the password, if the setting has one. Never shown. */
  url: string;
  /** The same place for people: no user, no password and no parameters. */
  shown: string;
}

const SCHEME = /^postgres(ql)?:\/\//i;
const MODES = ["disable", "require", "verify-ca", "verify-full"];

/**
 * Reads a setting as a PostgreSQL database. Null if the setting is not a `postgres://` URL. Without an
 * `sslmode`, connections to another machine are encrypted and its certificate is checked. `name`: the setting, for errors.
 * @throws ConfigError that shows no password, when the URL cannot be used.
 */
export function postgresPlace(text: string | undefined, name: string): PostgresPlace | null {
  if (text === undefined || !SCHEME.test(text)) return null;
  const wrong = (why: string) =>
    new ConfigError(`${name} ${why}. Write postgres://USER@HOST/DATABASE?sslmode=verify-full.`);
  const url = URL.parse(text);
  if (url === null)
    throw wrong("is not a URL that can be read. Characters like # in a password are written as %23");
  if (url.pathname.length < 2) throw wrong("names no database");
  if (url.username === "" && !url.searchParams.has("user")) throw wrong("names no user");
  const { searchParams } = url;
  const mode = searchParams.get("sslmode") ?? (isNear(url) ? "disable" : "verify-full");
  if (!MODES.includes(mode)) throw wrong(`has an sslmode that is not one of ${MODES.join(", ")}`);
  if (mode === "verify-ca" && !searchParams.has("sslrootcert"))
    throw wrong("has sslmode=verify-ca, which needs the file of the authority's certificate as sslrootcert");
  searchParams.set("sslmode", mode);
  // The driver reads the modes as PostgreSQL's own programs do.
  searchParams.set("uselibpqcompat", "true");
  const host = url.host || (searchParams.get("host") ?? "");
  return { url: url.href, shown: `postgres://${host}${url.pathname}` };
}

/** True if the URL has a password, which other users would see on a command line. */
export function hasPassword(text: string): boolean {
  const url = SCHEME.test(text) ? URL.parse(text) : null;
  return url !== null && (url.password !== "" || url.searchParams.has("password"));
}

/** True for a server of this machine. */
function isNear({ hostname, searchParams }: URL): boolean {
  const host = (searchParams.get("host") ?? decodeURIComponent(hostname)).replace(/^\[(.*)\]$/, "$1");
  return host === "" || host.startsWith("/") || host === "localhost" || isLoopback(host);
}
