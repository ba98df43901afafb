/** True if stdin and stdout of this process are a terminal. */
export function isInTerminal(): boolean {
  const { isatty } = process.getBuiltinModule("node:tty");
  return isatty(0) && isatty(1);
}
