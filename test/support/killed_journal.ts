// Writes one file and is killed in the middle: just before the file is replaced, or just after it.
import { Journal } from "../../src/install/journal.ts";

const [data = "", file = "", source = "", moment] = process.argv.slice(2);
let asked = 0;
const content = {
  /** Asked for what it holds first, for the digest, and then to be written. */
  get copyOf() {
    if (++asked > 1 && moment === "before") process.kill(process.pid, "SIGKILL");
    return source;
  },
};
new Journal(data).write(file, content);
process.kill(process.pid, "SIGKILL");
