/** Where a button stands. */
export type Place = Readonly<{ left: number; top: number; width: number; height: number }>;

/** How long a button that moved or appeared ignores clicks (ms). */
export const STILL_MS = 400;

/** Tells which buttons stood still long enough to be clicked on purpose. */
export class ClickGuard<Button> {
  #places = new Map<Button, Place>();
  readonly #movedAt = new Map<Button, number>();

  /** Notes where the buttons are now. `scrolled`: the person moved them, so nothing is held back. */
  look(places: ReadonlyMap<Button, Place>, now: number, scrolled = false): void {
    for (const [button, place] of places)
      if (!scrolled && !isSame(this.#places.get(button), place)) this.#movedAt.set(button, now);
    for (const button of this.#movedAt.keys()) if (!places.has(button)) this.#movedAt.delete(button);
    this.#places = new Map(places);
  }

  mayClick(button: Button, now: number): boolean {
    const movedAt = this.#movedAt.get(button);
    return movedAt === undefined || now - movedAt >= STILL_MS;
  }
}

function isSame(a: Place | undefined, b: Place): boolean {
  return (
    a !== undefined &&
    [a.left - b.left, a.top - b.top, a.width - b.width, a.height - b.height].every((by) => Math.abs(by) < 1)
  );
}
