/** The command of a service's file. */
export interface ServiceCommand {
  /** The program comes first. */
  words: string[];
  folder: string | undefined;
  env: Readonly<Record<string, string>>;
}

/** A word of a command line in a unit. */
export function word(text: string): string {
  const safe = text.replaceAll("%", "%%");
  return /^[\w@%+=:,./$-]+$/.test(safe) ? safe : `"${safe.replace(/[\\"]/g, "\\$&")}"`;
}

/** The command in a unit of systemd. Its drop-ins are not read. */
export function parseUnit(text: string, home: string): ServiceCommand {
  const lines = text
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim());
  const valuesOf = (key: string) =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  const [folder] = valuesOf("WorkingDirectory");
  return {
    words: wordsIn(valuesOf("ExecStart").at(-1) ?? "", home),
    folder: folder && unspecified(folder, home),
    env: Object.fromEntries(valuesOf("Environment").flatMap((value) => wordsIn(value, home).map(pairOf))),
  };
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}

function wordsIn(text: string, home: string): string[] {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'])+/g) ?? [];
  const quotes = /"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'/g;
  return words.map((one) => unspecified(one.replace(quotes, "$1$2").replace(/\\(.)/g, "$1"), home));
}

function unspecified(text: string, home: string): string {
  return text.replace(/%([%h])/g, (_, letter) => (letter === "h" ? home : "%"));
}
