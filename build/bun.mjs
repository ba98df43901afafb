// `node build/bun.mjs ARGS…` runs the Bun that package.json pins, with the packages installed.
// Plain JavaScript, because it has to run in whatever the machine has: Node 20 or newer, or any Bun.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { constants } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, "node_modules", ".cache");
const version = JSON.parse(read(join(root, "package.json"))).engines.bun;
const windows = process.platform === "win32";
const name = windows ? "bun.exe" : "bun";

try {
  const bun = findBun() ?? fetchBun();
  installPackages(bun);
  putOnPath(bun);
  run(bun, process.argv.slice(2));
} catch (error) {
  process.stderr.write(error.output ?? "");
  say(error.message);
  process.exitCode = 1;
}

function findBun() {
  if (process.versions.bun === version) return process.execPath;
  return bunIn(join(cache, `bun-${version}`)) ?? onPath().find(isPinned);
}

/** Every `bun` on the PATH, of any version. */
function onPath() {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).filter((file) => fs.existsSync(file));
}

/** The npm package `bun` leaves the executable in a package per platform, until its install script moves it. */
function bunIn(folder) {
  const platforms = join(folder, "node_modules", "@oven");
  const names = fs.existsSync(platforms) ? fs.readdirSync(platforms) : [];
  const files = names.map((platform) => join(platforms, platform, "bin", name));
  return [...files, join(folder, "node_modules", "bun", "bin", "bun.exe")].find(isPinned);
}

function isPinned(file) {
  return (
    fs.existsSync(file) && spawnSync(file, ["--version"], { encoding: "utf8" }).stdout?.trim() === version
  );
}

function fetchBun() {
  const folder = join(cache, `bun-${version}`);
  // Filled beside its place and then renamed, so that an interrupted download is never taken for a Bun.
  const partial = `${folder}.${process.pid}`;
  fs.mkdirSync(partial, { recursive: true });
  try {
    fs.writeFileSync(join(partial, "package.json"), "{}\n");
    say(`getting Bun ${version} from npm`);
    const got = addBun(partial);
    if (got.status !== 0 || bunIn(partial) === undefined) {
      fail(`Bun ${version} could not be fetched from npm; is the network reachable?`, got);
    }
    fs.rmSync(folder, { recursive: true, force: true });
    fs.renameSync(partial, folder);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
  return bunIn(folder);
}

function addBun(folder) {
  const options = { cwd: folder, encoding: "utf8" };
  const flags = ["--no-save", "--ignore-scripts", `bun@${version}`];
  const npm = ["install", "--prefix=.", "--no-package-lock", "--include=optional", "--loglevel=error"];
  // npm's own waits keep a machine without network silent for a minute.
  const waits = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000"];
  // `npm` is a script on Windows, which only a shell can start.
  const got = spawnSync("npm", [...npm, ...waits, ...flags], { ...options, shell: windows });
  if (got.error?.code !== "ENOENT") return got;
  const other = process.versions.bun === undefined ? onPath()[0] : process.execPath;
  if (other === undefined)
    fail(`this machine has neither npm nor Bun; install one of them to get Bun ${version}`);
  return spawnSync(other, ["add", ...flags], options);
}

function installPackages(bun) {
  const stamp = join(cache, "installed");
  const files = ["package.json", "bun.lock"].map((file) => read(join(root, file)));
  const wanted = createHash("sha256").update(files.join("\0")).digest("hex");
  if (fs.existsSync(stamp) && read(stamp) === wanted) return;
  say("installing the packages");
  const done = spawnSync(bun, ["install", "--frozen-lockfile"], { cwd: root, encoding: "utf8" });
  if (done.status !== 0) fail("the packages could not be installed; see the lines above", done);
  fs.mkdirSync(cache, { recursive: true });
  fs.writeFileSync(stamp, wanted);
}

/** Scripts started from here find the pinned Bun as `bun`. */
function putOnPath(bun) {
  let folder = dirname(bun);
  if (basename(bun) !== name) {
    folder = join(cache, "bin");
    const link = join(folder, name);
    if (!fs.existsSync(link) || fs.realpathSync(link) !== fs.realpathSync(bun)) {
      fs.mkdirSync(folder, { recursive: true });
      fs.rmSync(link, { force: true });
      fs.symlinkSync(bun, link);
    }
  }
  process.env.PATH = folder + delimiter + process.env.PATH;
}

function run(bun, args) {
  let child;
  // Before it starts, so that none is lost.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // Ctrl-C in a terminal reaches the child by itself; a second SIGINT would cut its clean end short.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child = spawn(bun, args, { stdio: "inherit" });
  // npm stops the shell between itself and this program, and that shell hands nothing on.
  const parent = process.ppid;
  const orphaned = () => process.ppid !== parent && child.kill("SIGTERM");
  if (process.env.npm_lifecycle_event !== undefined) setInterval(orphaned, 500).unref();
  child.on("error", (error) => {
    say(`${bun} did not start: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function read(file) {
  return fs.readFileSync(file, "utf8");
}

function say(text) {
  process.stderr.write(`build/bun.mjs: ${text}\n`);
}

function fail(sentence, { stdout = "", stderr = "" } = {}) {
  throw Object.assign(new Error(sentence), { output: stdout + stderr });
}
