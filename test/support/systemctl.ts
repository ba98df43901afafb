import { afterAll } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// In the place of systemd's user instance, which tests cannot have everywhere: it knows one unit, and runs what that says.
const SCRIPT = `#!/bin/sh
state=\${0%/*}/../state
unit=$HOME/.config/systemd/user/agent-event-bus.service
printf '%s\\n' "$*" >> "$state/calls"
[ -e "$state/hangs" ] && exec sleep 20
running() {
  pid=$(cat "$state/pid" 2>/dev/null) && grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null
}
stop() {
  running && kill "$pid" && while running; do sleep 0.01; done
  rm -f "$state/pid"
}
start() {
  program=$(sed -n 's/^ExecStart=//p' "$unit")
  env -i HOME="$HOME" PATH=/usr/bin:/bin setsid sh -c "echo \\$\\$ > '$state/pid'; exec $program" < /dev/null > /dev/null 2>&1 &
  while ! [ -s "$state/pid" ]; do sleep 0.01; done
}
[ "$1" = --user ] && shift
case $1 in
  show)
    case "$*" in *Version*) echo Version=252; exit ;; esac
    active=inactive sub=dead main=0
    running && active=active sub=running main=$pid
    enabled=disabled
    [ -e "$state/enabled" ] && enabled=enabled
    printf 'ActiveState=%s\\nSubState=%s\\nResult=success\\nMainPID=%s\\nUnitFileState=%s\\n' $active $sub $main $enabled
    ;;
  enable) touch "$state/enabled" ;;
  disable) rm -f "$state/enabled" ;;
  start) running || start ;;
  restart) stop; start ;;
  stop) stop ;;
esac
`;

/** A folder for PATH with that `systemctl`, and what it keeps beside it. */
export interface Systemctl {
  bin: string;
  /** Its calls, a line each. */
  calls(): string[];
  /** The process of the service; undefined when it does not run. */
  pid(): number | undefined;
  /** From now on it does not answer within 20 s. */
  hang(yes: boolean): void;
}

export function stubSystemctl(folder: string): Systemctl {
  const [bin, state] = [join(folder, "bin"), join(folder, "state")];
  for (const one of [bin, state]) mkdirSync(one, { recursive: true });
  writeFileSync(join(bin, "systemctl"), SCRIPT);
  chmodSync(join(bin, "systemctl"), 0o755);
  const pid = () => {
    const file = join(state, "pid");
    return existsSync(file) ? Number(readFileSync(file, "utf8")) || undefined : undefined;
  };
  afterAll(() => {
    const started = pid();
    try {
      if (started !== undefined) process.kill(started, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  });
  return {
    bin,
    pid,
    calls: () => readFileSync(join(state, "calls"), "utf8").split("\n").filter(Boolean),
    hang(yes) {
      if (yes) writeFileSync(join(state, "hangs"), "");
      else Bun.spawnSync(["rm", "-f", join(state, "hangs")]);
    },
  };
}
