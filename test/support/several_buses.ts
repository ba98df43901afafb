// Several compiled buses on one PostgreSQL, which know each other.
import { type ProcessBus, startBus } from "./bus.ts";
import { cli } from "./cli.ts";
import { freePort } from "./port.ts";
import { type Server, startPostgres } from "./postgres.ts";
import { eventually } from "./webhook.ts";

export interface SeveralBuses {
  server: Server;
  /** The URL of their database. */
  url: string;
  buses: ProcessBus[];
  /** Starts another one, and waits until all of them are known. */
  add(): Promise<ProcessBus>;
  end(): Promise<void>;
}

/** Starts `count` buses, which the caller ends. */
export async function startBuses(count: number, env: Record<string, string> = {}): Promise<SeveralBuses> {
  const server = await startPostgres(await freePort());
  const url = await server.database();
  const started: SeveralBuses = {
    ...{ server, url, buses: [] },
    async add() {
      const options = { db: null, outlives: true, env: { AGENT_EVENT_BUS_DB: url, ...env } } as const;
      const bus = await startBus("binary", options);
      started.buses.push(bus);
      await eventually("each knows the others", async () => {
        const { stdout } = await cli(["check", "--db", url]);
        return started.buses.every(
          ({ port, process }) => process.exitCode !== null || stdout.includes(`:${port}`),
        );
      });
      return bus;
    },
    async end() {
      for (const bus of started.buses) await bus.kill();
      await server.kill();
    },
  };
  for (let i = 0; i < count; i++) await started.add();
  return started;
}
