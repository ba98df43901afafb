import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { root } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { expectWell } from "../support/doctor.ts";
import { tempFolder } from "../support/folder.ts";
import { newMachine } from "../support/machine.ts";
import { freePort } from "../support/port.ts";

const hasShellcheck = Bun.which("shellcheck") !== null;
if (!hasShellcheck) console.log("skipped: install.sh, there is no shellcheck here");

/** A clone of this repository whose program prints its arguments, or has another `main`. */
function clone(main = "console.log(JSON.stringify(process.argv.slice(2)))"): string {
  const folder = join(tempFolder(), "a clone");
  mkdirSync(join(folder, "src"), { recursive: true });
  for (const name of ["install.sh", "package.json", "bun.lock"])
    copyFileSync(join(root, name), join(folder, name));
  cpSync(join(root, "build"), join(folder, "build"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "src/main.ts"), main);
  return folder;
}

/** A folder for PATH with these programs: a text is a script, `true` what the machine has. */
function programs(wanted: Record<string, string | true>): string {
  const folder = tempFolder();
  for (const [name, program] of Object.entries({ cat: true, ...wanted })) {
    const file = join(folder, name);
    if (program === true) symlinkSync(name === "bun" ? process.execPath : String(Bun.which(name)), file);
    else {
      writeFileSync(file, `#!/bin/sh\n${program}\n`);
      chmodSync(file, 0o755);
    }
  }
  return folder;
}

interface Run {
  path?: string;
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
}

function run(script: string, args: readonly string[], { path, cwd, env, stdin = "" }: Run = {}) {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["/bin/sh", script, ...args], {
    cwd: cwd ?? tempFolder(),
    env: { HOME: tempFolder(), PATH: path ?? programs({ bun: true }), ...env },
    stdin: new TextEncoder().encode(stdin),
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), code: exitCode };
}

test.skipIf(!hasShellcheck)("shellcheck has nothing to say", () => {
  for (const file of ["install.sh", ".ci/run"]) {
    const { stdout, exitCode } = Bun.spawnSync(["shellcheck", file], { cwd: root });
    expect(`${exitCode} ${stdout}`).toBe("0 ");
  }
});

describe("what is handed on", () => {
  const folder = clone();
  const script = join(folder, "install.sh");

  test("server is what is installed without a word, and every argument stays as it is", () => {
    const odd = ["two words", "", "*", "$HOME", "a'b\"c", "--url=x y"];
    for (const [given, handed] of [
      [[], ["server"]],
      [
        ["--dry-run", ...odd],
        ["server", "--dry-run", ...odd],
      ],
      [
        ["client", "--url", "http://x/mcp", ...odd],
        ["client", "--url", "http://x/mcp", ...odd],
      ],
      [
        ["server", "--help"],
        ["server", "--help"],
      ],
    ] as const) {
      const { stdout, code } = run(script, given);
      expect([JSON.parse(stdout), code]).toEqual([["install", ...handed], 0]);
    }
  });

  test("it runs from any folder, by a path with spaces, and leaves the folder that it is called from alone", () => {
    const cwd = tempFolder();
    writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
    expect(run(script, [], { cwd }).stdout).toBe('["install","server"]\n');
    expect(run("./install.sh", [], { cwd: folder }).stdout).toBe('["install","server"]\n');
    expect(run("install.sh", [], { cwd: folder }).stdout).toBe('["install","server"]\n');
    expect(run("../install.sh", [], { cwd: join(folder, "src") }).code).toBe(0);
  });

  test("Node runs the build where there is one", () => {
    const version = Bun.spawnSync(["sh", "-c", "node --version"]).stdout.toString();
    if (!/^v2\d/.test(version)) return console.log("skipped: there is no Node 20 here");
    const used = join(tempFolder(), "used");
    const node = `echo "$1" >> '${used}'\nexec '${Bun.which("node")}' "$@"`;
    expect(run(script, [], { path: programs({ node, bun: true }) }).stdout).toBe('["install","server"]\n');
    expect(readFileSync(used, "utf8")).toBe("--version\nbuild/bun.mjs\n");
  });
});

test("the program has its exit code, its input and its output", () => {
  const folder = clone(
    'if (process.argv[2] !== "--version") { console.log(await Bun.stdin.text()); process.exit(7); }',
  );
  const ran = run(join(folder, "install.sh"), ["client", "--token", "-"], { stdin: "aeb_secret" });
  expect([ran.stdout, ran.code]).toEqual(["aeb_secret\n", 7]);
});

test("from a clone to a bus that runs; the second time nothing changes", async () => {
  const folder = clone();
  rmSync(join(folder, "src"), { recursive: true });
  for (const name of ["src", "launchd", "systemd", "LICENSE"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  const machine = newMachine(programs({ bun: true }));
  const install = `'${folder}/install.sh' --port ${await freePort()}`;
  const first = await machine.sh(install);
  expect([first.code, first.stdout]).toEqual([0, expect.stringMatching(/^done +binary[\s\S]*\ndone +hooks/)]);
  const second = await machine.sh(install);
  expect([second.code, second.stdout]).toEqual([0, expect.not.stringMatching(/^done/m)]);
  expect(await expectWell(machine)).toMatchObject({ code: 0 });
});

describe("it cannot be done", () => {
  const script = join(root, "install.sh");
  const sentence = "Node 20 or newer, or Bun, is needed to build.";

  test("neither Node nor Bun", () => {
    const { stderr, code } = run(script, [], { path: programs({}) });
    expect([stderr, code]).toEqual([expect.stringContaining(`install.sh: ${sentence}\n`), 1]);
    expect(stderr).toContain("https://nodejs.org");
  });

  test("an old Node, or one that does not start", () => {
    const old = run(script, [], { path: programs({ node: "echo v18.20.4" }) });
    expect([old.stderr, old.code]).toEqual([
      expect.stringContaining(`the Node here is v18.20.4; ${sentence}`),
      1,
    ]);
    const broken = run(script, [], { path: programs({ node: "exit 127" }) });
    expect([broken.stderr, broken.code]).toEqual([expect.stringContaining(`install.sh: ${sentence}`), 1]);
  });

  test("the build fails", () => {
    const folder = clone("const = 1;");
    const { stdout, stderr, code } = run(join(folder, "install.sh"), []);
    expect([stdout, code]).toEqual(["", 1]);
    expect(stderr).toContain("main.ts");
    expect(stderr).toEndWith("The build failed, nothing is installed. The lines above say why.\n");
  });

  test("what was built does not run here", () => {
    const { stdout, stderr, code } = run(join(clone("process.exit(1)"), "install.sh"), []);
    expect([stdout, code]).toEqual(["", 1]);
    expect(stderr).toEndWith("was built but does not run here; nothing is installed.\n");
  });

  test("no network to get the pinned Bun from", () => {
    const folder = clone();
    const { engines, ...rest } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ ...rest, engines: { ...engines, bun: "0.0.1" } }),
    );
    const { stderr, code } = run(join(folder, "install.sh"), [], {
      env: { NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/" },
    });
    expect(code).toBe(1);
    expect(stderr).toContain("Bun 0.0.1 could not be fetched from npm; is the network reachable?");
    expect(stderr).toEndWith("The build failed, nothing is installed. The lines above say why.\n");
    expect(existsSync(join(folder, "dist"))).toBe(false);
  });

  test("the script alone, without the sources", () => {
    const folder = tempFolder();
    copyFileSync(script, join(folder, "install.sh"));
    const { stderr, code } = run(join(folder, "install.sh"), []);
    expect([stderr, code]).toEqual([expect.stringContaining("The sources are not beside this script."), 1]);
  });

  test("a word that is nothing to install", () => {
    const { stderr, code } = run(script, ["sever"]);
    expect([stderr, code]).toEqual([
      expect.stringContaining('There is no "sever" to install: server or client.'),
      64,
    ]);
  });
});

test("its help names every flag of both commands, and no other", async () => {
  const { stdout, code } = run(join(root, "install.sh"), ["--help"], { path: programs({}) });
  expect(code).toBe(0);
  const flagsIn = (text: string) =>
    [...text.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => String(flag));
  const known = await Promise.all(
    ["server", "client"].map(async (what) => flagsIn((await cli(["install", what, "--help"])).stdout)),
  );
  const common = ["--debug", "--help", "--version"];
  const wanted = new Set(known.flat().filter((flag) => !common.includes(flag)));
  expect(flagsIn(stdout).sort()).toEqual([...wanted].sort());
});
