// Takes locks at given moments: lock_taker FOLDER FIRST_MS ROUNDS; prints the rounds in which it got one.
import { takeLock } from "../../src/sqlite/lock.ts";

/** One round; the lock is held for most of it. */
export const EVERY_MS = 150;
const HOLD_MS = 130;

if (import.meta.main) {
  const [folder = "", first = "0", rounds = "0"] = process.argv.slice(2);
  const got: number[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    const at = Number(first) + round * EVERY_MS;
    await Bun.sleep(Math.max(0, at - Date.now() - 20));
    // A timer is not exact enough for two processes to meet.
    while (Date.now() < at);
    const lock = takeLock(`${folder}/${round}`);
    if (lock === null) continue;
    got.push(round);
    await Bun.sleep(HOLD_MS);
    lock.release();
  }
  console.log(JSON.stringify(got));
}
