import { parseSettings } from "./parse_settings.ts";

/** Keys of `settings.env` with their values. Null removes a key. */
export type Settings = Readonly<Record<string, string | null>>;

/**
 * The text of `settings.env` with its keys set. Every other line stays.
 * @throws ConfigError for a line, or Error for a value, that cannot be understood.
 */
export function edited(text: string, wanted: Settings, file: string): string {
  let lines = text.split("\n");
  const known = parseSettings(text, file);
  for (const [key, value] of Object.entries(wanted)) {
    if ((known[key] ?? null) === value) continue;
    const isOfKey = (line: string) => new RegExp(`^\\s*(?:export\\s+)?${key}\\s*=`).test(line);
    // The last line of a key counts.
    const at = lines.findLastIndex(isOfKey);
    if (value === null) lines = lines.filter((line) => !isOfKey(line));
    else if (at !== -1) lines[at] = lineOf(key, value, lines[at]);
    else {
      const last = lines.pop();
      lines.push(...(last ? [last] : []), lineOf(key, value), "");
    }
  }
  return lines.join("\n");
}

function lineOf(key: string, value: string, former = ""): string {
  if (/[\r\n]/.test(value)) throw new Error(`${key} must be a single line, not ${JSON.stringify(value)}.`);
  const needsQuotes = value.trim() !== value || /^(["']).*\1$/.test(value);
  const [begin = ""] = /^\s*(?:export\s+)?/.exec(former) ?? [];
  return `${begin}${key}=${needsQuotes ? `"${value}"` : value}${former.endsWith("\r") ? "\r" : ""}`;
}
