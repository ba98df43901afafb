import type { Spent } from "../domain/attention.ts";
import type { Cost, Pushed, PushStore } from "../domain/store.ts";
import { statements } from "./connection.ts";
import { Table } from "./parts.ts";

const HOUR_MS = 3_600_000;
const SENDER_MS = 300_000;
// Nothing is later than now, unless the clock was set back.
const WAKES = "SELECT count(*) FROM pushes WHERE kind = 'wake' AND at <= $now";

const SQL = statements({
  record: `INSERT INTO pushes (session_id, sender, kind, bytes, at)
    VALUES ($sessionId, $sender, $kind, $bytes, $at)`,
  spent: `SELECT
      (${WAKES} AND session_id = $sessionId AND at > $hour) AS wakes,
      (${WAKES} AND session_id = $sessionId AND sender = $sender AND at > $minutes) AS by_sender,
      2 * least((${WAKES} AND session_id = $sessionId AND sender = $sender AND at > worked),
        (${WAKES} AND session_id = $sender AND sender = $sessionId AND at > worked)) AS exchanges
    FROM (SELECT greatest($hour, coalesce(max(worked_at), 0)) AS worked FROM sessions
      WHERE id IN ($sessionId, $sender) AND worked_at <= $now) AS works`,
  wakes: `SELECT session_id, count(*) AS wakes FROM pushes
    WHERE at > $hour AND at <= $now AND kind = 'wake' GROUP BY session_id`,
  costs: `SELECT session_id, count(*) FILTER (WHERE kind <> 'hand_over') AS wakes,
      count(*) FILTER (WHERE kind = 'hand_over') AS hand_overs, sum(bytes)::bigint AS bytes
    FROM pushes WHERE at > $since GROUP BY session_id`,
});

/** The events that were pushed to sessions. */
export class PushTable extends Table implements PushStore {
  record(pushed: Pushed): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      await transaction.run(SQL.record, { ...pushed, at: this.parts.now() });
    });
  }

  async spent(sessionId: string, sender: string): Promise<Spent> {
    const now = this.parts.now();
    const from = { now, hour: now - HOUR_MS, minutes: now - SENDER_MS };
    const [row] = await this.rows(SQL.spent, { sessionId, sender, ...from });
    return {
      wakes: Number(row?.wakes),
      bySender: Number(row?.by_sender),
      exchanges: Number(row?.exchanges),
    };
  }

  async wakes(): Promise<Map<string, number>> {
    const now = this.parts.now();
    const rows = await this.rows(SQL.wakes, { now, hour: now - HOUR_MS });
    return new Map(rows.map((row) => [String(row.session_id), Number(row.wakes)]));
  }

  async costs(since: number): Promise<Map<string, Cost>> {
    const rows = await this.rows(SQL.costs, { since });
    return new Map(
      rows.map((row) => [
        String(row.session_id),
        { wakes: Number(row.wakes), handOvers: Number(row.hand_overs), bytes: Number(row.bytes) },
      ]),
    );
  }
}
