/** The event id that a cursor stands for. Null if the text is not a whole number, which counts as no cursor (WIRE.md 4). */
export function parseCursor(text: string | undefined | null): number | null {
  if (text === undefined || text === null || !/^\s*\d+\s*$/.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

export function formatCursor(eventId: number): string {
  return String(eventId);
}
