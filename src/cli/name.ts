/** True under the name of the original's CLI: users' hooks and status lines call it and read what it prints. */
export function isOriginalName(): boolean {
  // The constant condition leaves each build its own half.
  const called = process.versions.bun === undefined ? process.argv[1] : process.argv0;
  return called !== undefined && /(^|[\\/])agent-event-bus-cli(\.exe)?$/.test(called);
}
