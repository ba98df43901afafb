import { arch, cpus, loadavg, platform, release } from "node:os";

/** Where the figures come from. */
export interface Machine {
  processor: string;
  cores: number;
  system: string;
  bun: string;
  /** Average number of processes that wanted to run in the minute before. */
  load: number;
  date: string;
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    system: `${platform()} ${release().split("-")[0]} ${arch()}`,
    bun: Bun.version,
    load: loadavg()[0] ?? 0,
    date: new Date().toISOString().slice(0, 10),
  };
}

export function machineLine({ processor, cores, system, bun, load, date }: Machine): string {
  return `${date}, ${processor}, ${cores} cores, ${system}, Bun ${bun}, load before the run ${load.toFixed(1)}`;
}
