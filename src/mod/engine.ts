/**
 * The part of Claude Code's engine that the mod uses. Each call is written out as `$.noun.verb(…)`, because Claude Code reads
 * in the module's text which calls it makes.
 */
export interface Engine {
  session: {
    id(): Promise<string>;
    cwd(): Promise<string>;
    /** The root of the main working tree. */
    repo(): Promise<{ root: string } | null>;
  };
  prompt: {
    /** Starts a turn when the session is idle. `drop`: why it did not. */
    submit(input: { text: string }): Promise<{ drop?: string } | undefined>;
  };
  http: {
    /** Ends after 30 s. */
    fetch(url: string, init: HttpInit): Promise<{ status: number; text: string }>;
  };
  fs: {
    read(path: string): Promise<string>;
    exists(path: string): Promise<boolean>;
    write(path: string, text: string): Promise<unknown>;
  };
  env: { get(name: string): Promise<string | undefined> };
  clock: { sleep(ms: number): Promise<void> };
  process: { run(argv: readonly string[]): Promise<{ stdout: string }> };
  ui: {
    /** One line of the transcript, which the model does not read. */
    log(text: string): void;
    /** The line under the prompt. */
    status(text: string | undefined): void;
  };
}

interface HttpInit {
  method: string;
  headers: Record<string, string>;
  body: string;
  socketPath?: string;
}

/** The JSON that a command hook gets on stdin. */
export type ClassicInput = Readonly<Record<string, unknown>>;

export interface ClassicResult {
  block?: string;
  preventContinuation?: boolean;
  additionalContext?: string[];
}

export interface ToolInput {
  tool: string;
  [argument: string]: unknown;
}

type Hook<Event, Result> = (
  $: Engine,
  event: Event,
  next: (event: Event) => Promise<Result>,
) => Promise<Result> | Result;

/** Registers a hook of the mod. `catch`: the hook that stands in for one that fails. */
export interface On {
  (event: "session.start", hook: Hook<{ isInteractive: boolean }, unknown>): void;
  /** `agentId`: set for the turn of a subagent. `isAborted`: the user interrupted it. */
  (
    event: "turn.start" | "turn.complete",
    hook: Hook<{ agentId?: string; isAborted?: boolean }, unknown>,
  ): void;
  (event: `classic.${string}`, hook: Hook<ClassicInput, ClassicResult>): Guarded<ClassicInput, ClassicResult>;
  (event: "tool.call", hook: Hook<ToolInput, unknown>): Guarded<ToolInput, unknown>;
}

interface Guarded<Event, Result> {
  catch(hook: Hook<Event, Result>): void;
}
