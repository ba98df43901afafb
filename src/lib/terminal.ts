import { attempt } from "./attempt.ts";

/** True if stdin and stdout of this process are a terminal. Only character devices are asked, because asking takes long. */
export function isInTerminal(): boolean {
  const { fstatSync } = process.getBuiltinModule("node:fs");
  const mayBe = [0, 1].every((fd) => attempt(() => fstatSync(fd).isCharacterDevice()));
  return mayBe && [0, 1].every((fd) => process.getBuiltinModule("node:tty").isatty(fd));
}
