import { afterAll } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runIn } from "./process.ts";
import { eventually } from "./webhook.ts";

export type Shell = "bash" | "zsh" | "fish";

/** A shell at work, with a completion script loaded. */
export interface RunningShell {
  /** What is offered at the end of the line, in order, as it is put into the line. */
  offers(line: string): Promise<string[]>;
  /** The line after the one offer was taken and Enter was pressed: the arguments that the program received. */
  taken(line: string): Promise<string[]>;
}

interface Options {
  folder: string;
  /** The working folder. */
  cwd: string;
  /** The folder of the program. */
  bin: string;
  env: Record<string, string>;
  script: string;
}

/** Starts a shell without the user's own settings. bash and zsh run on a terminal. */
export async function startShell(shell: Shell, options: Options): Promise<RunningShell> {
  const { folder, cwd, bin, env, script } = options;
  const file = join(folder, `completions.${shell}`);
  writeFileSync(file, script);
  const variables = {
    HOME: folder,
    TERM: "xterm",
    LANG: "C.UTF-8",
    ...env,
    PATH: `${bin}:${process.env.PATH}`,
  };
  return shell === "fish" ? fish(file, cwd, variables) : onTerminal(shell, file, folder, cwd, variables);
}

const NUL = "\0";

// bash inserts every offer with one key, and writes the line to a file with another. zsh writes what it offers with that key.
const SETTINGS = {
  bash: (out: string, script: string) => `
bind 'set completion-query-items 0'; bind 'set enable-bracketed-paste off'
bind '"\\C-xa": insert-completions'; bind -x '"\\C-xp": printf "%s\\0" "$READLINE_LINE" >>${out}'
source ${script}
`,
  zsh: (out: string, script: string) => `
setopt promptsubst; autoload -Uz compinit; compinit -D -u
compadd() {
  local -a found
  if [[ -z $asked || "\${@[1,(i)(-|--)]} " == *-[OAD]\\ * ]]; then
    builtin compadd "$@"
  else
    builtin compadd -O found "$@"; offered+=("\${(@)found}"); (( $#found ))
  fi
}
zle -C listed list-choices _main_complete
written() { offered=(); asked=1; zle listed; asked=; printf '%s\\0' "\${(uF)offered}" >>${out} }
zle -N written; bindkey '^Xp' written; unset zle_bracketed_paste
source ${script}
`,
};

const COMMANDS = { bash: ["bash", "--norc", "--noprofile", "-i"], zsh: ["zsh", "-f", "-i"] };

async function onTerminal(
  shell: "bash" | "zsh",
  script: string,
  folder: string,
  cwd: string,
  env: Record<string, string>,
): Promise<RunningShell> {
  const [out, args] = [join(folder, `${shell}.lines`), join(folder, `${shell}.args`)];
  const settings = join(folder, `${shell}.settings`);
  // The function stands for the program in lines that are run. The script itself calls the program.
  const program = `agent-event-bus() { printf '%s\\0' "$@" END >>${args}; }`;
  writeFileSync(
    settings,
    `${SETTINGS[shell](out, script)}${program}\nN=0; PROMPT_COMMAND=count; precmd() { count; }; count() { N=$((N + 1)); }; PS1='READY$N '\nprintf '\\0' >>${out}\n`,
  );
  let shown = "";
  const child = Bun.spawn(COMMANDS[shell], {
    cwd,
    env,
    terminal: {
      cols: 200,
      rows: 50,
      data(_terminal, chunk) {
        shown += new TextDecoder().decode(chunk);
      },
    },
  });
  afterAll(() => {
    child.kill("SIGKILL");
    child.terminal?.close();
  });
  const texts = (file: string) =>
    existsSync(file) ? readFileSync(file, "utf8").split(NUL).slice(0, -1) : [];
  const after = async (keys: string, file: string, until: (added: string[]) => boolean) => {
    const before = texts(file).length;
    child.terminal?.write(keys);
    await eventually(`${shell} answers ${JSON.stringify(keys)}: ${shown.slice(-2_000)}`, () =>
      until(texts(file).slice(before)),
    );
    return texts(file).slice(before);
  };
  await after(`source ${settings}\r`, out, (added) => added.length === 1);
  let prompts = 0;
  // Keys that come before the prompt are lost.
  const ready = () => {
    prompts++;
    return eventually(`${shell} is ready: ${shown}`, () => shown.includes(`READY${prompts} `));
  };
  await ready();
  return {
    async offers(line) {
      const keys = shell === "bash" ? "\x18a\x18p" : "\x18p";
      const [text = ""] = await after(line + keys, out, (added) => added.length === 1);
      child.terminal?.write("\x15");
      if (shell === "zsh") return text.split("\n").filter((word) => word !== "");
      const stem = /^.*[ =]/.exec(line)?.[0] ?? "";
      return text === line
        ? []
        : text
            .slice(stem.length)
            .trim()
            .split(/(?<!\\) /);
    },
    async taken(line) {
      const received = await after(`${line}\t\r`, args, (added) => added.at(-1) === "END");
      await ready();
      return received.slice(0, -1);
    },
  };
}

// One fish answers all lines: it takes longer to start than to complete.
function fish(script: string, cwd: string, env: Record<string, string>): RunningShell {
  const start = `source ${script}; while read -l line; complete -C $line; printf '\\0'; end`;
  const child = Bun.spawn(["fish", "--no-config", "-c", start], {
    ...{ cwd, env, stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
  afterAll(() => child.kill("SIGKILL"));
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  const answerTo = async (line: string) => {
    child.stdin.write(`${line}\n`);
    await child.stdin.flush();
    let text = "";
    while (!text.endsWith(NUL)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`fish ended after ${text}`);
      text += decoder.decode(value, { stream: true });
    }
    return text.slice(0, -1);
  };
  return {
    async offers(line) {
      const stem = /[^ ]*=$|[^ ]*=(?=[^ =]*$)/.exec(line)?.[0] ?? "";
      const lines = (await answerTo(line)).split("\n").filter((one) => one !== "");
      return lines.map((one) => {
        const [word = ""] = one.split("\t");
        return word.startsWith(stem) ? word.slice(stem.length) : word;
      });
    },
    async taken(line) {
      const program = "function agent-event-bus; printf '%s\\0' $argv; end";
      const found = "(string replace -r '[^ ]*$' '' -- $argv[1])(string split -f 1 \\t -- $found)";
      const code = `source ${script}; set -l found (complete --escape -C $argv[1]); ${program}; eval ${found}`;
      const { stdout, stderr } = await runIn(["fish", "--no-config", "-c", code, line], { cwd, env });
      if (stderr !== "") throw new Error(`fish: ${stderr}`);
      return stdout.split(NUL).slice(0, -1);
    },
  };
}
