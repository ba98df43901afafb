import { VARIABLES } from "./variables.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot be used. The message names it. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Parses KEY=VALUE lines. Skips blank lines and lines that start with #.
 * @throws ConfigError when a line is not KEY=VALUE.
 */
export function parseSettings(text: string, file: string): Environment {
  const settings: Record<string, string> = {};
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const end = line.indexOf("=");
    const key = line.slice(line.startsWith("export ") ? "export ".length : 0, end).trim();
    if (end === -1 || !/^[A-Za-z_]\w*$/.test(key))
      throw new ConfigError(`${file}, line ${index + 1}: "${withoutSecrets(line)}" is not KEY=VALUE.`);
    settings[key] = unquoted(line.slice(end + 1).trim());
  }
  return settings;
}

/** Without the users and passwords of its URLs. */
function withoutSecrets(line: string): string {
  return line.replace(/\/\/[^\s/@]*@/g, "//…@");
}

function unquoted(text: string): string {
  const quote = text[0];
  const quoted = text.length > 1 && (quote === '"' || quote === "'") && text.endsWith(quote);
  return quoted ? text.slice(1, -1) : text;
}

/** The bus of a settings file: its URL, or the bus of this machine at its HOST and PORT. */
export function urlIn(settings: Environment): string {
  const { url, host, port } = VARIABLES;
  return settings[url.name] || localUrl(settings[host.name] || undefined, settings[port.name] || undefined);
}

/** The URL by which programs of this machine reach a bus that listens at a host and a port. */
export function localUrl(
  host: string = VARIABLES.host.fallback,
  port: string | number = VARIABLES.port.fallback,
): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const everywhere = bare === "0.0.0.0" || bare === "::";
  const reachable = everywhere ? "127.0.0.1" : bare.includes(":") ? `[${bare}]` : bare;
  return `http://${reachable}:${port}/mcp`;
}
