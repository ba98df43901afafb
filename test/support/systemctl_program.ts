// In the place of the program `systemctl` where no systemd runs: starts and stops what a user unit names, as a real process, and
// answers the questions about it. Words: a folder for its notes, then what was typed after `systemctl`.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { processStart } from "../../src/bus/process.ts";

const [folder = "", ...words] = process.argv.slice(2);
const file = (name: string) => join(folder, name);
const flags = words.filter((word) => word.startsWith("-"));
const [verb = "", unit = ""] = words.filter((word) => !word.startsWith("-"));
const units = join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "systemd/user");
const unitFile = join(units, unit);
/** There while the unit is enabled. */
const link = join(units, "default.target.wants", unit);

if (!flags.includes("--user")) fail("only the user's own services are here");
process.exit(await act());

async function act(): Promise<number> {
  switch (verb) {
    case "daemon-reload":
    case "reset-failed":
      return 0;
    case "enable":
      mkdirSync(dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(unitFile, link);
      return 0;
    case "disable":
      rmSync(link, { force: true });
      return 0;
    case "start":
      start();
      return 0;
    case "stop":
      await stop();
      return 0;
    case "restart":
      await stop();
      start();
      return 0;
    case "show":
      return show();
    default:
      return fail(`Unknown command verb ${verb}.`);
  }
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

function show(): number {
  const active = pid() > 0;
  const states = {
    LoadState: existsSync(unitFile) ? "loaded" : "not-found",
    ActiveState: active ? "active" : "inactive",
    SubState: active ? "running" : "dead",
    Result: "success",
    UnitFileState: existsSync(link) ? "enabled" : existsSync(unitFile) ? "disabled" : "",
    MainPID: String(pid()),
  };
  for (const [name, value] of Object.entries(states)) console.log(`${name}=${value}`);
  return 0;
}

/** 0 when it does not run. */
function pid(): number {
  if (!existsSync(file("pid"))) return 0;
  const noted = Number(readFileSync(file("pid"), "utf8"));
  return processStart(noted) === null ? 0 : noted;
}

function start(): void {
  if (pid() > 0) return;
  if (!existsSync(unitFile)) fail(`Failed to start ${unit}: Unit ${unit} not found.`);
  const command = /^ExecStart=(.+)$/m.exec(readFileSync(unitFile, "utf8"))?.[1] ?? "";
  // Nothing of the shell's environment, as with the real one.
  const child = Bun.spawn(["sh", "-c", `umask 077; exec ${command}`], {
    cwd: homedir(),
    env: { HOME: homedir(), PATH: "/usr/local/bin:/usr/bin:/bin" },
    stdio: ["ignore", Bun.file(file("journal")), Bun.file(file("journal"))],
    detached: true,
  });
  writeFileSync(file("pid"), String(child.pid));
  child.unref();
}

async function stop(): Promise<void> {
  const running = pid();
  if (running > 0) process.kill(running, "SIGTERM");
  while (running > 0 && pid() === running) await Bun.sleep(10);
}
