import { type LocalCommand, localCommand, UsageError } from "../lib/command.ts";
import type { CliCommand } from "./commands.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** The command that prints completion scripts for the commands that `known` returns. */
export function completionsCommand(known: () => readonly CliCommand[]): LocalCommand {
  return localCommand({
    about:
      "Print a completion script for bash, zsh or fish. Load it in the shell's startup file, as the examples show. It completes commands, flags, their values, files, and the names of sessions.",
    reads: true,
    params: {
      shell: { type: "text", max: 8, choices: SHELLS, about: "The shell" },
      names: {
        type: "boolean",
        default: false,
        about: "Print the names of the sessions that are here instead, for the script",
      },
    },
    command: {
      name: "completions",
      words: [{ param: "shell", placeholder: "SHELL" }],
      examples: [
        ["source <(agent-event-bus completions bash)", "in ~/.bashrc"],
        ['eval "$(agent-event-bus completions bash)"', "in ~/.bashrc of bash 3.2, which macOS has"],
        ["source <(agent-event-bus completions zsh)", "in ~/.zshrc, after compinit"],
        ["agent-event-bus completions fish | source", "in ~/.config/fish/config.fish"],
      ],
      before(args) {
        if (args.shell === undefined) throw new UsageError(`completions needs a SHELL: bash, zsh or fish.`);
        return args;
      },
    },
    async run({ shell, names }) {
      if (names) return { shell, names: await (await import("./completions/names.ts")).namesFor(shell) };
      return { shell, script: (await import("./completions/script.ts")).scriptFor(shell, known()) };
    },
    print({ names, script }, to) {
      if (script !== undefined) to.line(String(script).trimEnd());
      for (const name of (names as string[] | undefined) ?? []) to.line(to.text(name));
    },
  });
}
