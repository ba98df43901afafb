import type { ServiceCommand } from "./unit_file.ts";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The command in launchd's property list, which is XML. */
export function parsePlist(text: string): ServiceCommand {
  const shown = text.replace(/<!--.*?-->/gs, "");
  const after = (key: string, pattern: string) =>
    new RegExp(`<key>${key}</key>\\s*${pattern}`, "s").exec(shown)?.[1] ?? "";
  const strings = after("ProgramArguments", "<array>(.*?)</array>").matchAll(/<string>(.*?)<\/string>/gs);
  const pairs = after("EnvironmentVariables", "<dict>(.*?)</dict>").matchAll(
    /<key>(.*?)<\/key>\s*<string>(.*?)<\/string>/gs,
  );
  return {
    words: [...strings].map(([, value = ""]) => unescaped(value)),
    folder: unescaped(after("WorkingDirectory", "<string>(.*?)</string>")) || undefined,
    env: Object.fromEntries([...pairs].map(([, key = "", value = ""]) => [unescaped(key), unescaped(value)])),
  };
}

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) =>
    decimal || hex
      ? String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16))
      : (ENTITIES[name] ?? whole),
  );
}
