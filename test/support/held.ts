import { type Operation, operation } from "../../src/operations/operation.ts";
import { eventually } from "./webhook.ts";

/** A tool whose calls stay open until the test lets them go, or whoever made one cancels it. */
export interface Held {
  operation: Operation;
  /** Calls open at this moment. */
  open(): number;
  /** Calls that were cancelled, by their `name`. */
  cancelled: string[];
  /** Resolves when that many are open. */
  until(count: number): Promise<void>;
  /** Ends every open call. */
  release(): void;
}

export function held(): Held {
  const waiting = new Set<() => void>();
  const cancelled: string[] = [];
  return {
    cancelled,
    open: () => waiting.size,
    until: (count) => eventually(`${count} calls are open`, () => waiting.size === count, 30_000),
    release() {
      for (const end of waiting) end();
    },
    operation: operation({
      name: "hold",
      about: "Stay open.",
      effect: "reads",
      scope: "read",
      params: { name: { type: "text", max: 100, about: "Of this call" } },
      commands: [],
      run: (_bus, { name }, { signal }) =>
        new Promise((resolve) => {
          const end = () => {
            waiting.delete(end);
            resolve({ name });
          };
          waiting.add(end);
          signal.addEventListener("abort", () => {
            cancelled.push(name);
            end();
          });
        }),
      print() {},
    }),
  };
}
