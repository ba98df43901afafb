import { useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { Heights, type Window } from "./heights.ts";

/** Rows beyond the edges that are kept ready (px). */
const MARGIN = 600;
/** Nearer to the end than this counts as there (px). */
const END = 24;

interface Options {
  keys: readonly string[];
  estimate(index: number): number;
  /** Rows that stay the same ones as others come before them. A heading moves. */
  isFixed(index: number): boolean;
  /** Follows the end as rows are added. */
  isAtEnd: boolean;
  onEnd(isAtEnd: boolean): void;
  /** After a scroll: distances to both ends (px). */
  onScroll(before: number, after: number): void;
}

/** Where the list stands: a row and how much of it is above the edge (px). */
interface Anchor {
  key: string;
  offset: number;
}

/**
 * Shows the part of a long list that is in sight. Rows may have any height, and the row at the upper edge stays in its place
 * while others change above it.
 */
export function useVirtual({ keys, estimate, isFixed, isAtEnd, onEnd, onScroll }: Options) {
  const [, again] = useReducer((count: number, _: undefined) => count + 1, 0);
  const list = useRef(new List()).current;
  const box = useRef<HTMLDivElement>(null);
  list.rows(keys, estimate);
  const part = list.part(isAtEnd);
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    if (list.measure(current, part)) again(undefined);
    list.settle(current, isAtEnd);
  });
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => again(undefined));
    if (box.current !== null) watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return {
    box,
    part,
    onScroll() {
      const { current } = box;
      if (current === null) return;
      const { top, height, total } = list.look(current, isFixed);
      onEnd(current.scrollHeight - top - height < END);
      if (!list.covers(part)) again(undefined);
      onScroll(top, total - top - height);
    },
    /** Brings a row into sight. */
    show(key: string) {
      list.anchor = { key, offset: -list.height / 3 };
      again(undefined);
    },
  };
}

class List {
  readonly heights = new Heights();
  anchor: Anchor | undefined;
  height = 900;
  #top = 0;
  #width = 0;
  #keys: readonly string[] = [];
  #index = new Map<string, number>();

  rows(keys: readonly string[], estimate: (index: number) => number): void {
    if (keys === this.#keys) return;
    this.#keys = keys;
    this.#index = new Map(keys.map((key, index) => [key, index]));
    this.heights.rows(keys, estimate);
  }

  /** The rows to show, at the end or around the anchor. */
  part(isAtEnd: boolean): Window {
    return this.heights.window(this.#wanted(isAtEnd), this.height, MARGIN);
  }

  #wanted(isAtEnd: boolean): number {
    if (isAtEnd) return Math.max(0, this.heights.total - this.height);
    const at = this.anchor && this.#index.get(this.anchor.key);
    return at === undefined ? this.#top : Math.max(0, this.heights.topOf(at) + (this.anchor?.offset ?? 0));
  }

  /** Measures the rows that stand in the box. True if others have to be shown. */
  measure(box: HTMLElement, { from }: Window): boolean {
    const height = box.clientHeight;
    // A box that is not shown has no heights.
    if (height === 0) return false;
    if (box.clientWidth !== this.#width) this.heights.forget();
    this.#width = box.clientWidth;
    let isOther = Math.abs(height - this.height) > 1;
    this.height = height;
    const rows = box.firstElementChild?.children ?? [];
    // The first and the last one hold the room of the rows that are not shown.
    for (let i = 1; i < rows.length - 1; i++) {
      const row = rows[i];
      if (row instanceof HTMLElement && this.heights.measured(from + i - 1, row.offsetHeight)) isOther = true;
    }
    return isOther;
  }

  /** Moves the box so that the anchor, or the end, stands still. */
  settle(box: HTMLElement, isAtEnd: boolean): void {
    if (box.clientHeight === 0) return;
    const wanted = isAtEnd ? box.scrollHeight - box.clientHeight : this.#wanted(false);
    if (Math.abs(box.scrollTop - wanted) > 1) box.scrollTop = wanted;
    this.#top = box.scrollTop;
  }

  /** Reads where the box stands after a scroll. */
  look(
    box: HTMLElement,
    isFixed: (index: number) => boolean,
  ): { top: number; height: number; total: number } {
    const top = box.scrollTop;
    this.#top = top;
    let at = this.heights.at(top);
    while (at < this.#keys.length - 1 && !isFixed(at)) at++;
    const key = this.#keys[at];
    if (key !== undefined) this.anchor = { key, offset: top - this.heights.topOf(at) };
    return { top, height: this.height, total: this.heights.total };
  }

  /** True if the rows of a part still reach beyond both edges. */
  covers({ from, to }: Window): boolean {
    const { heights } = this;
    const before = this.#top - heights.topOf(from);
    const after = heights.topOf(to) - this.#top - this.height;
    const isFirst = from === 0;
    const isLast = to === this.#keys.length;
    return (isFirst || before > MARGIN / 3) && (isLast || after > MARGIN / 3);
  }
}
