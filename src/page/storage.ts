type Key = "key" | "theme" | "looked_at" | "to";

/** A value kept by this browser. Undefined if it was never kept. */
export function kept(key: Key): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a value, if the browser does. Undefined removes it. */
export function keep(key: Key, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // A private window may refuse. The page works without.
  }
}
