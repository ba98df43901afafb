import { LONGEST_LEASE_MS } from "../domain/session.ts";
import { type Parts, Table } from "./parts.ts";
import { momentOf, storedTime } from "./time.ts";

const AHEAD = `deleted_at IS NULL AND ${momentOf("last_heartbeat")} > ${momentOf("$at")}`;

const SQL = {
  found: `SELECT 1 FROM sessions WHERE ${AHEAD} LIMIT 1`,
  correct: `UPDATE sessions SET last_heartbeat = $at,
      lease_until = iif(${momentOf("lease_until")} > ${momentOf("$lease")}, $lease, lease_until) WHERE ${AHEAD}`,
};

/** How often they are looked for. A clock that was set back for less expires no session. */
const EVERY_MS = 24 * 60 * 60 * 1000;

/** Heartbeats of the future. A session that a wrong clock left behind would live until that day. */
export class FutureHeartbeats extends Table<keyof typeof SQL> {
  #correctedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    super(parts, SQL);
  }

  /** Sets them to now, and their leases with them, once a day. Does not wait for the write, which may be tried again then. */
  correct(): void {
    if (this.parts.steady() - this.#correctedAt < EVERY_MS) return;
    this.#correctedAt = this.parts.steady();
    const at = this.at();
    const lease = storedTime(new Date(this.parts.now() + LONGEST_LEASE_MS).toISOString());
    this.writer
      .read(() => this.sql.found.get({ at }) !== undefined)
      .then((found) => found && this.writer.write(() => void this.sql.correct.run({ at, lease })))
      .catch(() => {});
  }
}
