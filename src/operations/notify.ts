import { operation } from "./operation.ts";

export const notify = operation({
  name: "notify",
  about: "Notify the user on the desktop.",
  effect: "writes",
  params: {
    title: { type: "text", max: "title_bytes", about: "Title" },
    message: { type: "text", max: "message_bytes", about: "Text" },
    sound: { type: "boolean", default: false, about: "Play a sound" },
  },
  command: {
    name: "notify",
    examples: [['notify --title "Build" --message "Complete" --sound', "show a notification with a sound"]],
  },
  async run(bus, args) {
    const success = await bus.notify({ title: args.title, message: args.message, sound: args.sound });
    return { success, title: args.title, message: args.message };
  },
  print(_result, to) {
    to.line("Notification shown.");
  },
});
