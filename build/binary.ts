// `npm run build`: dist/agent-event-bus for this machine; `--all`: one file per target, and their checksums.
import { basename, join, relative } from "node:path";
import type { BuildConfig, BunPlugin } from "bun";
import { slim, withoutUnused } from "./left_out.ts";
import { withStarts } from "./starts.ts";

const root = join(import.meta.dir, "..");
const targets = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "windows-x64"] as const;

export interface BinaryOptions {
  /** Another program than the bus. */
  entry?: string;
  outfile?: string;
  /** Without it: this machine. */
  target?: (typeof targets)[number];
}

/** Returns the path of the executable. */
export async function buildBinary(options: BinaryOptions = {}): Promise<string> {
  const { entry, outfile = join(root, "dist/agent-event-bus"), target } = options;
  if (entry !== undefined) return compile(entry, outfile, { target });
  const main = join(root, "src/main.ts");
  const program = await compile(main, outfile, OF_THE_BUS);
  return withStarts(program, (starts) => compile(main, outfile, { ...OF_THE_BUS, target, starts }));
}

interface CompileOptions {
  target?: BinaryOptions["target"];
  plugins?: readonly BunPlugin[];
  /** Functions nested deeper get their bytecode when they are first called. */
  depth?: number;
  /** Records of functions whose bytecode comes first. */
  starts?: readonly string[];
}

/** Everyday commands call next to no function that lies deeper. */
const OF_THE_BUS = { plugins: [slim], depth: 3 } satisfies CompileOptions;

async function compile(
  entry: string,
  outfile: string,
  { target, plugins = [], depth, starts = [] }: CompileOptions = {},
): Promise<string> {
  await Bun.build({
    ...bundling(entry, plugins),
    bytecode: true,
    ...(depth !== undefined && { bytecodeDepth: depth }),
    compile: {
      outfile,
      // The program runs inside other people's projects, whose settings are not meant for it.
      autoloadDotenv: false,
      autoloadBunfig: false,
      // Certificates of the system's store count. The end of options keeps out those of the variable BUN_OPTIONS, like a preload.
      execArgv: ["--use-system-ca", "--"],
      // Compiles a function to machine code after five times as many calls as usual: a command never gets there.
      jitPolicy: 5,
      ...(starts.length > 0 && { bytecodeOrder: [...starts] }),
      ...(target && { target: `bun-${target}` }),
    },
  });
  return outfile;
}

/** Options of the bundler for an executable's program. */
export function bundling(entry: string, plugins: readonly BunPlugin[]) {
  return {
    entrypoints: [entry],
    plugins: [withoutUnused, ...plugins],
    target: "bun",
    format: "esm",
    // A command then loads and parses its own part of the program only.
    splitting: true,
    // Short identifiers make stacks unreadable, and start no faster.
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: { "process.versions.bun": JSON.stringify(Bun.version) },
  } as const satisfies Partial<BuildConfig>;
}

export async function report(file: string): Promise<void> {
  const megabytes = (Bun.file(file).size / 1e6).toFixed(1);
  console.log(`${relative(root, file)}  ${megabytes} MB`);
}

async function buildAll(): Promise<void> {
  const sums: string[] = [];
  for (const target of targets) {
    const extension = target.startsWith("windows") ? ".exe" : "";
    const outfile = join(root, `dist/agent-event-bus-${target}${extension}`);
    await report(await buildBinary({ outfile, target }));
    sums.push(`${await sha256(outfile)}  ${basename(outfile)}\n`);
  }
  await Bun.write(join(root, "dist/SHA256SUMS"), sums.join(""));
  console.log("dist/SHA256SUMS");
}

async function sha256(file: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(file).stream()) hasher.update(chunk);
  return hasher.digest("hex");
}

if (import.meta.main) {
  if (process.argv.includes("--all")) await buildAll();
  else await report(await buildBinary());
}
