// Several compiled buses on one PostgreSQL, of which any may be killed and started again.
import { join } from "node:path";
import { connect, type Pool, type Row, statement } from "../../src/postgres/connection.ts";
import { type ProcessBus, startBus, type TestBus } from "./bus.ts";
import type { Ask } from "./changing_client.ts";
import { removeFolders } from "./folder.ts";
import { freePort } from "./port.ts";
import { type Server, startPostgres } from "./postgres.ts";
import { callTool } from "./rpc.ts";
import { eventually } from "./webhook.ts";

/** The connections of a bus, by the name that its URL gives them. */
const BACKENDS = statement("SELECT pid FROM pg_stat_activity WHERE application_name = $name");

export interface Ring {
  server: Server;
  url: string;
  /** Of the test itself. */
  pool: Pool;
  /** One bus as a client sees it, whether it runs or not. A call that was not carried out is rejected. */
  at(index: number): Pick<TestBus, "url" | "port" | "call">;
  /** Kills a bus, and resolves when the server has noticed it. */
  kill(index: number): Promise<void>;
  /** Starts a bus again where it was. */
  restart(index: number): Promise<void>;
  /** Kills the server's process of one connection of a bus. The server then starts anew by itself. */
  killBackendOf(index: number): Promise<void>;
  logOf(index: number): string;
  rows(text: string): Promise<Row[]>;
  ask: Ask;
  /** Ends all of it, and removes its folders. */
  stop(): Promise<void>;
}

/** Starts buses on a database, or on one of a new server. */
export async function startRing(size: number, at?: { server: Server; url: string }): Promise<Ring> {
  const server = at?.server ?? (await startPostgres(await freePort()));
  const url = at?.url ?? (await server.database());
  const pool = connect(`${url}?application_name=test`);
  const buses: ProcessBus[] = [];
  const start = async (index: number, { folder, port }: { folder?: string; port: number }) => {
    const env = { AGENT_EVENT_BUS_DB: `${url}?application_name=${nameOf(index)}` };
    const options = { port, db: null, env, outlives: true, ...(folder && { folder }) } as const;
    buses[index] = await startBus("binary", options);
  };
  for (let index = 0; index < size; index++) await start(index, { port: await freePort() });
  const bus = (index: number) => buses[index] as ProcessBus;
  const backendsOf = async (index: number) =>
    (await pool.run(BACKENDS, { name: nameOf(index) })).map(({ pid }) => Number(pid));
  const rows = (text: string) => pool.run(statement(text));
  return {
    ...{ server, url, pool, rows },
    at(index) {
      const { url: own, port } = bus(index);
      return { url: own, port, call: (tool, args) => carriedOut(own, tool, args) };
    },
    async kill(index) {
      await bus(index).kill();
      const isGone = async () => (await backendsOf(index).catch(() => [])).length === 0;
      await eventually("the server has noticed the end of the bus", isGone);
    },
    restart: (index) => start(index, bus(index)),
    logOf: (index) => join(bus(index).folder, "bus.log"),
    async killBackendOf(index) {
      for (const pid of (await backendsOf(index)).slice(0, 1)) process.kill(pid, "SIGKILL");
    },
    async ask(sql, ...params) {
      let count = 0;
      const names = params.map((_, i) => String(i));
      const text = `SELECT (${sql.replaceAll("?", () => `$${++count}`)}) AS v`;
      const [row] = await pool.run({ text, names }, Object.fromEntries(params.entries()));
      return String(row?.v);
    },
    async stop() {
      await Promise.all(buses.map((one) => one.kill()));
      await pool.close();
      await server.kill();
      removeFolders();
    },
  };
}

const nameOf = (index: number) => `bus${index}`;

/** The structured result of a call. @throws Error with the text of a refusal. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
async function carriedOut(url: string, tool: string, args: unknown): Promise<any> {
  const { isError, content, structuredContent } = await callTool(url, tool, args);
  if (isError) throw new Error(content[0].text);
  return structuredContent;
}
