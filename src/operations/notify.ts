import { operation } from "./operation.ts";

export const notify = operation({
  name: "notify",
  about: "Notify the person on the desktop.",
  effect: "writes",
  params: {
    title: { type: "text", max: "title_bytes", about: "Short title" },
    message: { type: "text", max: "message_bytes", about: "Body" },
    sound: { type: "boolean", default: false, about: "Play a sound" },
  },
  command: {
    name: "notify",
    examples: [['notify --title "Build" --message "Complete" --sound', "tell the person"]],
  },
  async run(bus, args) {
    const success = await bus.notify({ title: args.title, message: args.message, sound: args.sound });
    return { success, title: args.title, message: args.message };
  },
  print(_result, to) {
    to.line("Notification shown.");
  },
});
