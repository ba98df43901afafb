import type { Machine } from "../domain/machine.ts";
import type { Session } from "../domain/session.ts";
import type { KnownSessions, RegistrationPlan } from "../domain/store.ts";
import type { ProcessMark } from "../lib/process.ts";
import type { Connection, Named, Statement } from "./connection.ts";
import { machineParams, SQL, sessionOfRow } from "./session_sql.ts";
import { findNamed } from "./sessions.ts";

type Read = (connection: Connection) => Promise<unknown>;

/**
 * Decides a registration. Decisions ask synchronously, and may be made more than once: what was not read yet counts as absent.
 * Then it is read, and if any of it is there, the decision is made again.
 */
export async function decideOn(
  connection: Connection,
  decide: (known: KnownSessions) => RegistrationPlan | null,
): Promise<RegistrationPlan | null> {
  const read = new Map<string, unknown>();
  for (;;) {
    const answers = new Answers(read);
    const plan = decide(answers);
    let wasRight = true;
    for (const [key, readIt] of answers.assumed) {
      const found = await readIt(connection);
      read.set(key, found);
      wasRight &&= isNothing(found);
    }
    if (wasRight) return plan;
  }
}

function isNothing(found: unknown): boolean {
  return Array.isArray(found) ? found.length === 0 : found === undefined || found === false;
}

class Answers implements KnownSessions {
  readonly #read: ReadonlyMap<string, unknown>;
  /** The questions that were answered without having been read. */
  readonly assumed = new Map<string, Read>();

  constructor(read: ReadonlyMap<string, unknown>) {
    this.#read = read;
  }

  find(id: string): Session | undefined {
    return this.#one("find", SQL.find, { id });
  }

  findByClient(machine: Machine, clientId: string): Session | undefined {
    return this.#one("byClient", SQL.byClient, { ...machineParams(machine), clientId, pid: null });
  }

  findOfClient(clientId: string): Session[] {
    return this.#answer("ofClient", { clientId }, [], async (connection) =>
      (await connection.run(SQL.ofClient, { clientId })).map(sessionOfRow),
    );
  }

  findByProcess(machine: Machine, { pid, started }: ProcessMark, watcher?: string): Session | undefined {
    const params = { ...machineParams(machine), pid, started, watcher: watcher ?? null };
    return this.#one("byProcess", SQL.byProcess, params);
  }

  findNamed(text: string): Session[] {
    return this.#answer("named", { text }, [], (connection) => findNamed(connection, text));
  }

  hasDisplayId(displayId: string): boolean {
    return this.#has("hasDisplayId", SQL.hasDisplayId, { displayId });
  }

  hasAlias(id: string): boolean {
    return this.#has("hasAlias", SQL.hasAlias, { id });
  }

  namesOf(sessionId: string): string[] {
    return this.#answer("namesOf", { sessionId }, [], async (connection) =>
      (await connection.run(SQL.namesOf, { ids: [sessionId] })).map(({ name }) => String(name)),
    );
  }

  #one(name: string, statement: Statement, params: Named): Session | undefined {
    return this.#answer<Session | undefined>(name, params, undefined, async (connection) =>
      (await connection.run(statement, params)).map(sessionOfRow).at(0),
    );
  }

  #has(name: string, statement: Statement, params: Named): boolean {
    return this.#answer(name, params, false, async (connection) => {
      return (await connection.run(statement, params)).count > 0;
    });
  }

  #answer<T>(name: string, params: Named, nothing: T, read: (connection: Connection) => Promise<T>): T {
    const key = JSON.stringify([name, params]);
    if (this.#read.has(key)) return this.#read.get(key) as T;
    this.assumed.set(key, read);
    return nothing;
  }
}
