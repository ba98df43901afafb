import type { Machine } from "../domain/machine.ts";
import type { Session } from "../domain/session.ts";
import type { KnownSessions, RegistrationPlan } from "../domain/store.ts";
import type { ProcessMark } from "../lib/process.ts";
import type { Connection, Named, Statement } from "./connection.ts";
import { namesOf, SQL, sessionOfRow } from "./session_sql.ts";
import { findNamed } from "./sessions.ts";

/** A question of a decision whose answer was not read yet. */
class NotRead {
  readonly key: string;
  readonly read: (connection: Connection) => Promise<unknown>;

  constructor(key: string, read: NotRead["read"]) {
    this.key = key;
    this.read = read;
  }
}

/**
 * Decides a registration. Decisions ask synchronously, and may be made more than once: an answer that is missing is read, and
 * then the decision is made again.
 */
export async function decideOn(
  connection: Connection,
  decide: (known: KnownSessions) => RegistrationPlan | null,
): Promise<RegistrationPlan | null> {
  const read = new Map<string, unknown>();
  for (;;) {
    const answers = new Answers(read);
    try {
      const plan = decide(answers);
      const taken = await takenOf(connection, [...answers.assumedFree]);
      if (taken.length === 0) return plan;
      for (const displayId of taken) read.set(keyOf("hasDisplayId", { displayId }), true);
    } catch (missing) {
      if (!(missing instanceof NotRead)) throw missing;
      read.set(missing.key, await missing.read(connection));
    }
  }
}

async function takenOf(connection: Connection, displayIds: readonly string[]): Promise<string[]> {
  if (displayIds.length === 0) return [];
  const rows = await connection.run(SQL.takenDisplayIds, { displayIds });
  return rows.map(({ display_id }) => String(display_id));
}

function keyOf(name: string, params: Named): string {
  return JSON.stringify([name, params]);
}

class Answers implements KnownSessions {
  readonly #read: ReadonlyMap<string, unknown>;
  readonly assumedFree = new Set<string>();

  constructor(read: ReadonlyMap<string, unknown>) {
    this.#read = read;
  }

  find(id: string): Session | undefined {
    return this.#one("find", SQL.find, { id });
  }

  findByClient(machine: Machine, clientId: string): Session | undefined {
    return this.#one("byClient", SQL.byClient, { ...namesOf(machine), clientId, pid: null });
  }

  findOfClient(clientId: string): Session[] {
    return this.#answer("ofClient", { clientId }, async (connection) =>
      (await connection.run(SQL.ofClient, { clientId })).map(sessionOfRow),
    );
  }

  findByProcess(machine: Machine, { pid, started }: ProcessMark, watcher?: string): Session | undefined {
    return this.#one("byProcess", SQL.byProcess, {
      ...namesOf(machine),
      pid,
      started,
      watcher: watcher ?? null,
    });
  }

  findNamed(text: string): Session[] {
    return this.#answer("named", { text }, (connection) => findNamed(connection, text));
  }

  /** Drawn at random, so another decision asks for others: one that was not read counts as free, and is read afterwards. */
  hasDisplayId(displayId: string): boolean {
    if (this.#read.get(keyOf("hasDisplayId", { displayId })) === true) return true;
    this.assumedFree.add(displayId);
    return false;
  }

  hasAlias(id: string): boolean {
    return this.#answer("hasAlias", { id }, async (connection) => {
      return (await connection.run(SQL.hasAlias, { id })).count > 0;
    });
  }

  namesOf(sessionId: string): string[] {
    return this.#answer("namesOf", { sessionId }, async (connection) =>
      (await connection.run(SQL.namesOf, { ids: [sessionId] })).map(({ name }) => String(name)),
    );
  }

  #one(name: string, statement: Statement, params: Named): Session | undefined {
    return this.#answer(name, params, async (connection) =>
      (await connection.run(statement, params)).map(sessionOfRow).at(0),
    );
  }

  #answer<T>(name: string, params: Named, read: (connection: Connection) => Promise<T>): T {
    const key = keyOf(name, params);
    if (!this.#read.has(key)) throw new NotRead(key, read);
    return this.#read.get(key) as T;
  }
}
