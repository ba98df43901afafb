const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** An age in words: `40 s`, `4 min`, `2 h`, `3 days`. */
export function ageOf(since: string | number, now: number): string {
  const ms = Math.max(0, now - new Date(since).getTime());
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h`;
  return counted(Math.floor(ms / DAY), "day");
}

/** Time until a moment, in words. Undefined if it has come. */
export function timeUntil(at: string | number, now: number): string | undefined {
  const ms = new Date(at).getTime() - now;
  return ms <= 0 ? undefined : ageOf(0, Math.ceil(ms / SECOND) * SECOND);
}

/** An age for a screen reader: `4 minutes`. */
export function spokenAge(since: string | number, now: number): string {
  const [count = "0", unit = "s"] = ageOf(since, now).split(" ");
  const noun = { s: "second", min: "minute", h: "hour" }[unit];
  return noun === undefined ? `${count} ${unit}` : counted(Number(count), noun);
}

const two = (number: number) => String(number).padStart(2, "0");

/** `20:12`, local. */
export function clockOf(time: string | number): string {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `20:12:03`, local. */
export function exactClock(time: string | number): string {
  return `${clockOf(time)}:${two(new Date(time).getSeconds())}`;
}

/** Number of a local day. Two times of one day have the same. */
export function dayOf(time: string | number): number {
  const date = new Date(time);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY);
}

const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "long" });
const WHOLE_DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** `Today`, `Yesterday`, or `Friday 27 November`. */
export function dayName(time: string | number, now: number): string {
  const days = dayOf(now) - dayOf(time);
  if (days === 0) return "Today";
  return days === 1 ? "Yesterday" : WHOLE_DAY.format(new Date(time));
}

/** A clock of today, else the day: `20:12`, `Friday`, `3 Oct`. */
export function momentOf(time: string | number, now: number): string {
  const days = dayOf(now) - dayOf(time);
  if (days === 0) return clockOf(time);
  return Math.abs(days) < 7 ? WEEKDAY.format(new Date(time)) : DATE.format(new Date(time));
}

/** `1 wake`, `2 wakes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `212 kB`. */
export function sizeOf(bytes: number): string {
  if (bytes >= 1_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return bytes === 0 ? "0 kB" : `${Math.ceil(bytes / 1_000)} kB`;
}
