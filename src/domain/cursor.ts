/** The event id that a cursor stands for; null when the text is no whole number (WIRE.md 4: it counts as none). */
export function parseCursor(text: string | undefined | null): number | null {
  if (text === undefined || text === null || !/^\s*\d+\s*$/.test(text)) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

export function formatCursor(eventId: number): string {
  return String(eventId);
}
