/** The branch that a HEAD of git names. Null if it names none, or one that git does not allow. */
export function branchIn(head: string): string | null {
  const name = /^ref: refs\/heads\/([^\n\r]+)\r?\n?$/.exec(head)?.[1];
  return name === undefined || FORBIDDEN.test(name) ? null : name;
}

/** Rules of `git check-ref-format`, which keep sentences and controls out of the name of a branch. */
const FORBIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git forbids them
  /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|^[./-]|[./]$|\.lock(\/|$)/;
