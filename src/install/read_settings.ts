import { settingsFile, settingsPath, settingsText } from "../config/client.ts";
import { type Environment, parseSettings } from "../config/parse_settings.ts";
import { serverConfig } from "../config/server.ts";
import { attempt } from "../lib/attempt.ts";

/** The settings of `settings.env`. If the bus cannot use them, the lines that can be read, and the problem. */
export function readSettings(): { settings: Environment; broken?: string } {
  const file = settingsPath();
  let settings: Environment | undefined;
  try {
    settings = settingsFile();
    serverConfig({}, {}, settings);
    return { settings };
  } catch (error) {
    const { message } = error as Error;
    if (settings === undefined) return { settings: readableLines(file), broken: message };
    return { settings, broken: `${file}: ${message}` };
  }
}

function readableLines(file: string): Environment {
  const lines = attempt(settingsText)?.split("\n") ?? [];
  return Object.assign({}, ...lines.map((line) => attempt(() => parseSettings(line, file))));
}
