// The part of Claude Code's test kit that these tests use. The kit itself is in the client.
declare module "claude-code/testing" {
  /** An event of the client, raised by a test. */
  type Raise<Result = unknown> = (event: object) => Promise<Result>;

  /** The engine of a client that has the plugin. */
  export interface Engine {
    session: { start: Raise };
    turn: { start: Raise; complete: Raise };
    classic: Record<"UserPromptSubmit" | "PostToolUse" | "Stop" | "SessionEnd", Raise<Handed>>;
    tool: { call: Raise };
  }

  export interface Handed {
    additionalContext?: string[];
  }

  /** Answers, beneath the plugin, a call or an event of the client. */
  export type On = (event: string, answer: (engine: unknown, event: Raised) => unknown) => void;

  export interface Raised extends Record<string, unknown> {
    path: string;
    text: string;
    argv: readonly string[];
    url: string;
    init: { headers: Record<string, string>; body: string; socketPath?: string };
  }

  export interface Clock {
    /** Moves on (ms), and lets everything due on the way happen. */
    advance(ms: number): Promise<void>;
    settle(): Promise<void>;
    sleep(ms: number): Promise<void>;
  }

  interface Matchers {
    toBe(expected: unknown): void;
    toEqual(expected: unknown): void;
    toMatchObject(expected: object): void;
    toContain(item: unknown): void;
    toMatch(expected: string | RegExp): void;
    toHaveLength(length: number): void;
    toBeLessThan(bound: number): void;
    toBeUndefined(): void;
    not: Matchers;
  }

  export function test(name: string, body: ($: Engine, on: On) => Promise<void>): void;
  export function expect(received: unknown): Matchers;
  export const mock: {
    clock(on: On): Clock;
    env(on: On, variables: Readonly<Record<string, string>>): void;
  };
}
