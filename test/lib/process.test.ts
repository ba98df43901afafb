import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processStart } from "../../src/lib/process.ts";
import { sleeper } from "../support/client.ts";
import { tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";

const noPs = Bun.which("ps", { PATH: "/bin:/usr/bin" }) === null;
if (noPs) console.log("skipped: the start of a process by ps, there is none");
const linux = process.platform === "linux";
if (!linux) console.log("skipped: the start of a process by /proc, this is no Linux");

/** The two ways: by /proc, and by `ps`. */
const WAYS = [
  ["linux", !linux],
  ["darwin", noPs],
] as const;

for (const [platform, skipped] of WAYS) {
  const start = (pid: number) => processStart(pid, platform);

  test.skipIf(skipped)(`${platform}: the start of a process is the same text every time`, () => {
    const child = sleeper();
    const first = start(child.pid);
    expect(first).toMatch(/\S/);
    expect([start(child.pid), start(child.pid)]).toEqual([first, first]);
    expect(start(1)).toMatch(/\S/);
    expect(start(1)).toBe(start(1));
  });

  test.skipIf(skipped)(`${platform}: processes that began at different seconds differ`, async () => {
    const first = sleeper();
    await Bun.sleep(2_000);
    const second = sleeper();
    expect(start(first.pid)).not.toBe(start(second.pid));
  });

  test.skipIf(skipped)(
    `${platform}: a process that ended has no start, nor a number that none can have`,
    async () => {
      const child = sleeper();
      expect(start(child.pid)).not.toBeNull();
      child.kill("SIGKILL");
      await child.exited;
      expect(start(child.pid)).toBeNull();
      for (const pid of [0, -1, 2 ** 22 + 1, 2 ** 31, Number.NaN, 1.5]) expect(start(pid)).toBeNull();
    },
  );

  test.skipIf(skipped)(
    `${platform}: a process that ended and that nobody waited for has none either`,
    async () => {
      // The shell becomes a program that never asks how its child ended.
      const parent = Bun.spawn(["sh", "-c", "sleep 0.1 & echo $!; exec sleep 60"], { stdout: "pipe" });
      try {
        const { value } = await parent.stdout.getReader().read();
        const pid = Number(new TextDecoder().decode(value));
        await eventually("it has no start", () => start(pid) === null);
        // Its number is still taken.
        expect(() => process.kill(pid, 0)).not.toThrow();
      } finally {
        parent.kill("SIGKILL");
        await parent.exited;
      }
    },
  );
}

const NAMES = ["a b c", ")", "(x) Z 1 2 3", "x) Z 0 0", "((", ") R 1 (", "ä ö", "new\nline"];

test.skipIf(!linux).each(NAMES)(
  "the start is read right whatever the process is called: %j",
  async (name) => {
    const program = join(tempFolder(), name);
    copyFileSync(Bun.which("sleep") ?? "/bin/sleep", program);
    chmodSync(program, 0o700);
    const child = Bun.spawn([program, "60"]);
    try {
      const comm = () => readFileSync(`/proc/${child.pid}/comm`, "utf8");
      await eventually("it has its name", () => comm() === `${name}\n`);
      const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
      const rest = stat.slice(`${child.pid} (${name}) `.length).split(" ");
      expect(rest[0]).toMatch(/^[RSD]$/);
      expect(processStart(child.pid)?.endsWith(`-${rest[19]}`)).toBe(true);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  },
);
