import type { Spent } from "../domain/attention.ts";
import type { Cost, Pushed, PushStore } from "../domain/store.ts";
import { type Parts, Table } from "./parts.ts";

const HOUR_MS = 3_600_000;
const SENDER_MS = 300_000;
// Nothing is later than now, unless the clock was set back.
const WAKES = "SELECT count(*) FROM pushes WHERE kind = 'wake' AND at <= $now";

const SQL = {
  record: `INSERT INTO pushes (session_id, sender, kind, bytes, at)
    VALUES ($sessionId, $sender, $kind, $bytes, $at)`,
  spent: `SELECT
      (${WAKES} AND session_id = $sessionId AND at > $hour) AS wakes,
      (${WAKES} AND session_id = $sessionId AND sender = $sender AND at > $minutes) AS bySender,
      2 * min((${WAKES} AND session_id = $sessionId AND sender = $sender AND at > worked),
        (${WAKES} AND session_id = $sender AND sender = $sessionId AND at > worked)) AS exchanges
    FROM (SELECT max($hour, COALESCE(max(worked_at), 0)) AS worked FROM sessions
      WHERE id IN ($sessionId, $sender) AND worked_at <= $now)`,
  wakes: `SELECT session_id, count(*) AS wakes FROM pushes INDEXED BY pushes_by_time
    WHERE at > $hour AND at <= $now AND kind = 'wake' GROUP BY session_id`,
  costs: `SELECT session_id, sum(kind <> 'hand_over') AS wakes, sum(kind = 'hand_over') AS handOvers, sum(bytes) AS bytes
    FROM pushes WHERE at > $since GROUP BY session_id`,
};

/** The events that were pushed to sessions. */
export class PushTable extends Table<keyof typeof SQL> implements PushStore {
  constructor(parts: Parts) {
    super(parts, SQL);
  }

  record(pushed: Pushed): Promise<void> {
    const { writer, now } = this.parts;
    return writer.write(() => void this.sql.record.run({ ...pushed, at: now() }));
  }

  spent(sessionId: string, sender: string): Promise<Spent> {
    const { writer, now } = this.parts;
    const at = now();
    const from = { now: at, hour: at - HOUR_MS, minutes: at - SENDER_MS };
    return writer.read(() => {
      const row = this.sql.spent.get({ sessionId, sender, ...from });
      return {
        wakes: Number(row?.wakes),
        bySender: Number(row?.bySender),
        exchanges: Number(row?.exchanges),
      };
    });
  }

  wakes(): Promise<Map<string, number>> {
    const { writer, now } = this.parts;
    const at = now();
    return writer.read(() => {
      const rows = this.sql.wakes.all({ now: at, hour: at - HOUR_MS });
      return new Map(rows.map((row) => [String(row.session_id), Number(row.wakes)]));
    });
  }

  costs(since: number): Promise<Map<string, Cost>> {
    return this.parts.writer.read(
      () =>
        new Map(
          this.sql.costs
            .all({ since })
            .map((row) => [
              String(row.session_id),
              { wakes: Number(row.wakes), handOvers: Number(row.handOvers), bytes: Number(row.bytes) },
            ]),
        ),
    );
  }
}
