import { type LocalCommand, localCommand } from "../lib/command.ts";

/** The command whose line is shown all the time. It says nothing when the bus is away. */
export const statuslineCommand: LocalCommand = localCommand({
  about:
    "Print one line for a status line or a shell prompt: who is here, what is unread, what waits for you. Nothing if the bus is away.",
  reads: true,
  params: {},
  command: {
    name: "statusline",
    examples: [
      ["statusline", "3 here, 1 unread, 1 needs you"],
      [`PS1='$(agent-event-bus statusline) \\$ '`, "in a shell's prompt: your own unread messages"],
    ],
  },
  run: async () => (await import("./statusline/counts.ts")).counts(),
  print({ here, unread, needs }, to) {
    if (here === undefined) return;
    const parts = [
      `${to.text(here)} here`,
      Number(unread) > 0 ? `${to.text(unread)} unread` : "",
      Number(needs) > 0 ? to.colour("attention", needsWords(Number(needs))) : "",
    ];
    to.line(parts.filter(Boolean).join(", "));
  },
});

function needsWords(count: number): string {
  return count === 1 ? "1 needs you" : `${count} need you`;
}
