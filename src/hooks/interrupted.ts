/**
 * The file that the mod writes when the user interrupted a turn, for which Claude Code has no hook. The client watches it, and
 * runs the plugin's hook `wait` when it changes. `data`: the data directory.
 */
export function interruptedFile(data: string, clientId: string): string {
  return `${data}/interrupted-${clientId.replace(/[^\w-]/g, "_")}`;
}
