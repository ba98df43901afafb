import { isoTime } from "../lib/iso_time.ts";
import type { Database, Statement } from "../runtime/runtime.ts";
import type { Writer } from "./group_commit.ts";
import { prepared } from "./statements.ts";
import { storedTime } from "./time.ts";

/** The parts that every table works with. */
export interface Parts {
  db: Database;
  writer: Writer;
  /** Wall clock (ms), for times that are shown. */
  now(): number;
  /** Never jumps (ms), for times that are compared. */
  steady(): number;
}

/** A table with its statements. Methods that return no promise are for use inside a unit. */
export abstract class Table<Name extends string, P extends Parts = Parts> {
  protected readonly parts: P;
  protected readonly writer: Writer;
  protected readonly sql: Record<Name, Statement>;

  constructor(parts: P, sql: Readonly<Record<Name, string>>) {
    this.parts = parts;
    this.writer = parts.writer;
    this.sql = prepared(parts.db, sql);
  }

  /** The time, as a column holds it. */
  protected at(): string {
    return storedTime(timestampOf(this.parts));
  }
}

export function timestampOf({ now }: Parts): string {
  return isoTime(now());
}
