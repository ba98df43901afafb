const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/;
const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

/**
 * The time that a person means, in RFC 3339. Reads `30m`, `2d`, `14:00` (the last one), `today`, `yesterday`, `2026-11-01`
 * and `2026-11-01T10:00` as local times, and a time with a zone. Undefined for any other text.
 */
export function timeSince(text: string, now: Date): string | undefined {
  const time = momentOf(text.trim().toLowerCase(), now);
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function momentOf(text: string, now: Date): Date | undefined {
  const [, count, unit = ""] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now.getTime() - Number(count) * (UNITS[unit] ?? 0) * 1_000);
  if (text === "today" || text === "yesterday") return dayOf(now, text === "today" ? 0 : 1);
  const [, hour, minute] = /^(\d{1,2}):(\d\d)$/.exec(text) ?? [];
  if (hour !== undefined) return lastClock(Number(hour), Number(minute), now);
  if (ZONED.test(text)) return new Date(text.toUpperCase());
  const [date, ...parts] = DATE.exec(text.toUpperCase()) ?? [];
  return date === undefined ? undefined : localTime(parts.map((part) => Number(part ?? 0)));
}

function dayOf(now: Date, daysAgo: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo);
}

/** Today, or yesterday if that time has not come yet. */
function lastClock(hour: number, minute: number, now: Date): Date | undefined {
  if (hour > 23 || minute > 59) return undefined;
  const [today, yesterday] = [dayOf(now, 0), dayOf(now, 1)];
  for (const day of [today, yesterday]) day.setHours(hour, minute);
  return today <= now ? today : yesterday;
}

/** Undefined for a date that no calendar has. */
function localTime([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: number[]) {
  const time = new Date(year, month - 1, day, hour, minute, second);
  const exists = time.getMonth() === month - 1 && time.getDate() === day;
  return exists && hour < 24 && minute < 60 && second < 60 ? time : undefined;
}
