// A model in a process of its own, for a network namespace: prints its URL, makes the calls of its first argument, one after
// the other ([[tool, input], …] as JSON), and prints what it was shown of each as one line of JSON. Ends with its standard input.
import { startModel } from "../claude-code/model.ts";

const calls: [tool: string, input: object][] = JSON.parse(String(process.argv[2]));
const { url } = startModel(async (call) => {
  for (const [tool, input] of calls) console.log(JSON.stringify(await call(tool, input)));
});
console.log(url);
process.stdin.resume();
process.stdin.on("end", () => process.exit());
