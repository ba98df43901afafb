/** A name in the form in which names are stored and compared (NFC). */
export function composed(text: string): string {
  return text.normalize("NFC");
}

/** The forms in which a database may hold a name: as it is, composed and decomposed. One if they are the same. */
export function formsOf(text: string): string[] {
  return [...new Set([composed(text), text, text.normalize("NFD")])];
}
