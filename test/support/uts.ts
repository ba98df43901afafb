/** Words in front of a program that then sees another host name. */
export function called(name: string): string[] {
  return [
    ...["unshare", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"]), "--uts"],
    ...["sh", "-c", 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"', name],
  ];
}

/** Words in front of a program that then runs in another PID namespace, as in a container. */
export function contained(...how: string[]): string[] {
  const root = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["unshare", ...root, "--pid", "--fork", "--kill-child", ...how];
}

const tried = Bun.spawnSync([...called("other"), "hostname"], { stderr: "pipe" });

/** Why there is no other host name here. Null if there is. */
export const noOtherName =
  tried.stdout.toString().trim() === "other" ? null : `unshare: ${tried.stderr.toString().trim()}`;
