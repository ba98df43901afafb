import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ran, ran } from "./installed.ts";

const SYSTEMD = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"].find((path) => existsSync(path));

/** Why no instance of systemd for one person can be run here; null when it can. */
export const noSystemd = why();

function why(): string | null {
  if (process.platform !== "linux") return "this is no Linux";
  if (SYSTEMD === undefined || Bun.which("systemctl") === null) return "systemd is not installed";
  if (process.getuid?.() !== 0) return "only root can give it a /run of its own";
  const tried = Bun.spawnSync(["unshare", "-mpf", "--mount-proc", "sh", "-c", "mount -t tmpfs tmpfs /run"]);
  return tried.success ? null : "no namespaces can be made";
}

export interface UserSystemd {
  /** Runs a program where that instance is reached. */
  run(...command: string[]): Promise<Ran>;
  /** A property of the bus's unit. */
  property(name: string): Promise<string>;
  end(): void;
}

// Processes are numbered anew in there; the network is this machine's.
const SCRIPT = `
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
"$1" --user --log-target=null < /dev/null &
for _ in $(seq 200); do systemctl --user is-system-running > /dev/null 2>&1 && break; sleep 0.05; done
echo ready
# It ends with the tests, however those end.
exec cat > /dev/null
`;

/** Starts systemd's instance of a person whose HOME that is. */
export async function startUserSystemd(home: string): Promise<UserSystemd> {
  const env = {
    HOME: home,
    PATH: process.env.PATH ?? "",
    XDG_RUNTIME_DIR: `/run/user/${process.getuid?.()}`,
    SHELL: "/bin/bash",
  };
  const child = Bun.spawn(
    ["unshare", "-mpf", "--kill-child", "--mount-proc", "bash", "-c", SCRIPT, "_", SYSTEMD ?? ""],
    { env, cwd: "/", stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  for await (const _ of child.stdout) break;
  const first = readFileSync(
    join("/proc", String(child.pid), "task", String(child.pid), "children"),
    "utf8",
  ).trim();
  const run = (...command: string[]) => ran(["nsenter", "-t", first, "-m", "-p", ...command], env);
  return {
    run,
    async property(name) {
      const shown = await run(
        "systemctl",
        "--user",
        "show",
        "agent-event-bus.service",
        "-p",
        name,
        "--value",
      );
      return shown.stdout.trim();
    },
    end: () => child.kill("SIGKILL"),
  };
}
