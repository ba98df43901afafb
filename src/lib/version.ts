/** True if a version like 2.1.69 is above another one. */
export function isNewer(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => text.split(/[.+-]/).map(Number));
  for (const [i, part] of (a ?? []).slice(0, 3).entries()) {
    const against = b?.[i] ?? 0;
    if (part !== against) return part > against;
  }
  return false;
}
