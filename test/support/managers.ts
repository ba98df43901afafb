import { afterAll } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";

/** A program that stands for a service manager: it runs what its file says, and records what it was asked. */
export interface Manager {
  /** To be put in front of PATH. */
  folder: string;
  /** What it was asked since the last time. */
  calls(): string[];
  pid(): number | undefined;
  /** Ends what runs, without a word to it. */
  kill(): void;
  /** Shell words that run at the start of the next `restart` or `bootstrap`, once. */
  onStart(script: string): void;
}

// A process of the stub is nobody's child for long; where nobody collects it, it stays as a zombie. One that goes on when
// the tests have been killed is ended by its watch. The shell does without programs where it can, as installers ask often.
const COMMON = `
here=\${0%/*}
printf '%s\\n' "$*" >> "$here/calls"
alive() { [ -f "$here/pid" ] && read -r pid < "$here/pid" && kill -0 "$pid" 2>/dev/null && ! zombie; }
zombie() {
  [ -r "/proc/$pid/status" ] || return 1
  while read -r key state rest; do
    [ "$key" = State: ] && { [ "$state" = Z ]; return; }
  done < "/proc/$pid/status"
  return 1
} 2>/dev/null
end() { if alive; then kill "$pid"; while alive; do sleep 0.02; done; fi; rm -f "$here/pid"; }
begin() { (cd / && exec setsid "$1" serve) > /dev/null 2>> "$here/stderr" < /dev/null & echo $! > "$here/pid"; watch; }
watch() { (cd / && exec setsid sh -c 'while kill -0 ${process.pid}; do kill -0 "$0" || exit; sleep 1; done; kill -9 "$0"' $!) > /dev/null 2>&1 < /dev/null & }
on_start() { if [ -f "$here/on-start" ]; then mv "$here/on-start" "$here/was-on-start"; . "$here/was-on-start"; fi; }
`;

const SYSTEMCTL = `
unit="$HOME/.config/systemd/user/agent-event-bus.service"
[ "$1" = --user ] && shift
case "$1" in
  restart) on_start; end; begin "$(sed -n -e 's/%%/%/g' -e 's/^ExecStart="\\{0,1\\}\\([^"]*[^" ]\\)"\\{0,1\\} serve$/\\1/p' "$unit")" ;;
  stop) end ;;
  enable) : > "$here/enabled" ;;
  disable) rm -f "$here/enabled" ;;
  show)
    case "$*" in
      *Version*) echo Version=252 ;;
      *)
        if alive; then echo ActiveState=active; echo SubState=running; echo "MainPID=$pid"
        elif [ -f "$here/pid" ]; then echo ActiveState=failed; echo SubState=failed; echo MainPID=0
        else echo ActiveState=inactive; echo SubState=dead; echo MainPID=0; fi
        echo Result=success
        [ -f "$here/enabled" ] && echo UnitFileState=enabled ;;
    esac ;;
esac
exit 0
`;

const LAUNCHCTL = `
plist="$HOME/Library/LaunchAgents/com.evansenter.agent-event-bus.plist"
program() { sed -n '/ProgramArguments/,/<.array>/s/^.*<string>\\(\\/.*\\)<.string>$/\\1/p' "$plist"; }
case "$1" in
  print)
    case "$2" in */*/*) ;; *) exit 0 ;; esac
    [ -f "$here/loaded" ] || { echo 'Could not find service' >&2; exit 113; }
    if alive; then printf '%s = {\\n\\tstate = running\\n\\n\\tpid = %s\\n}\\n' "$2" "$pid"
    else printf '%s = {\\n\\tstate = not running\\n\\tlast exit code = 2\\n}\\n' "$2"; fi ;;
  bootstrap) [ -f "$here/loaded" ] && exit 37; on_start; : > "$here/loaded"; begin "$(program)" ;;
  bootout) end; rm -f "$here/loaded" ;;
  kill) end ;;
  kickstart) end; begin "$(program)" ;;
esac
exit 0
`;

function manager(name: string, script: string, outlives?: true): Manager {
  const folder = tempFolder(true);
  // In one hook: the folder says which process it is, and the order of hooks differs within a test and outside.
  if (!outlives)
    afterAll(() => {
      kill();
      rmSync(folder, { recursive: true, force: true });
    });
  writeFileSync(join(folder, name), `#!/bin/sh\n${COMMON}${script}`);
  chmodSync(join(folder, name), 0o755);
  const read = (file: string) =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8") : "";
  const pid = () => Number(read("pid")) || undefined;
  const kill = () => {
    const running = pid();
    try {
      if (running !== undefined) process.kill(running, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  let seen = 0;
  return {
    folder,
    pid,
    kill,
    calls() {
      const all = read("calls").split("\n").filter(Boolean);
      const fresh = all.slice(seen);
      seen = all.length;
      return fresh;
    },
    onStart: (words) => writeFileSync(join(folder, "on-start"), words),
  };
}

/** One that outlives a test is to be killed, and its folder removed, by the caller. */
export function systemctlStub(outlives?: true): Manager {
  return manager("systemctl", SYSTEMCTL, outlives);
}

export function launchctlStub(): Manager {
  return manager("launchctl", LAUNCHCTL);
}

/** The programs of this machine but those that manage services, clients and networks. */
export function ordinaryPath(): string {
  const folder = join(tempFolder(), "bin");
  mkdirSync(folder);
  const linked = [
    "sh",
    "dirname",
    "cat",
    "kill",
    "grep",
    "sleep",
    "rm",
    "mv",
    "sed",
    "touch",
    "printf",
    "setsid",
    "ps",
  ];
  for (const name of linked) {
    const found = Bun.which(name);
    if (found !== null) symlinkSync(found, join(folder, name));
  }
  return folder;
}
