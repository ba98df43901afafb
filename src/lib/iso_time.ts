let known = { ms: Number.NaN, text: "" };

/** A time as RFC 3339, in UTC. Hot path: many events and lines of log are of one millisecond. */
export function isoTime(ms: number): string {
  if (ms !== known.ms) known = { ms, text: new Date(ms).toISOString() };
  return known.text;
}
