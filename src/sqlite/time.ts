/**
 * A time of the wire as the database holds it, with the zone `+00:00`. Python's `datetime.fromisoformat` reads `Z` only from
 * 3.11 on.
 */
export function storedTime(wire: string): string;
export function storedTime(wire: string | null): string | null;
export function storedTime(wire: string | null): string | null {
  return wire?.endsWith("Z") ? `${wire.slice(0, -1)}+00:00` : wire;
}

/** A time of the database as the wire has it. The original writes local time without a zone. Other text stays as it is. */
export function wireTime(stored: unknown): string {
  const text = String(stored);
  if (text.endsWith("+00:00")) return `${text.slice(0, -6)}Z`;
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
}

/** The same of a column that may be null. */
export function wireTimeOrNull(stored: unknown): string | null {
  return stored === null ? null : wireTime(stored);
}

/** The moment of a time column, as SQL. Its text cannot be compared: the original writes another form. */
export function momentOf(column: string): string {
  return `julianday(${column})`;
}
