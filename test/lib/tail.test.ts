import { afterAll, expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { endOf, Follower, lastLines } from "../../src/lib/tail.ts";
import { tempFolder } from "../support/folder.ts";

const BLOCK = 64 * 1024;

function fileWith(text: string): string {
  const path = join(tempFolder(), "bus.log");
  writeFileSync(path, text);
  return path;
}

function endsOf(path: string, count: number) {
  const file = openSync(path, "r");
  try {
    return endOf(file, count);
  } finally {
    closeSync(file);
  }
}

test("the end of a file is its last lines, whatever their length and wherever blocks begin", () => {
  for (const length of [1, 7, 1000, BLOCK - 1, BLOCK, BLOCK + 1]) {
    const all = Array.from({ length: 6 }, (_, i) => `${i}${"é".repeat(Math.floor(length / 2))}`);
    for (const end of ["\n", ""]) {
      const path = fileWith(all.join("\n") + end);
      for (const count of [0, 1, 2, 5, 6, 7, 100])
        expect(endsOf(path, count).lines).toEqual(count === 0 ? [] : all.slice(-count));
    }
  }
  expect(endsOf(fileWith(""), 5)).toEqual({ lines: [], complete: 0 });
  expect(endsOf(fileWith("\n\n"), 5)).toEqual({ lines: ["", ""], complete: 2 });
  expect(endsOf(fileWith("a\nbé\ntorn"), 1)).toEqual({ lines: ["torn"], complete: 6 });
  expect(endsOf(fileWith("torn"), 1)).toEqual({ lines: ["torn"], complete: 0 });
});

test("of a large file only its end is read", () => {
  const path = fileWith("");
  truncateSync(path, 64 * 2 ** 30);
  appendFileSync(path, "\none\ntwo\n");
  expect(endsOf(path, 2).lines).toEqual(["one", "two"]);
});

test("older lines come from what the log was rotated to", () => {
  const path = fileWith("5\n6\n");
  writeFileSync(`${path}.1`, "3\n4\n");
  expect(lastLines(path, 3)).toEqual(["4", "5", "6"]);
  writeFileSync(`${path}.2`, "1\n2\n");
  expect(lastLines(path, 1)).toEqual(["6"]);
  expect(lastLines(path, 100)).toEqual(["1", "2", "3", "4", "5", "6"]);
  rmSync(path);
  expect(lastLines(path, 3)).toEqual(["2", "3", "4"]);
});

function following(path: string, count = 10): Follower {
  const follower = new Follower(path, count);
  afterAll(() => follower.close());
  return follower;
}

test("following gives each whole line once", () => {
  const path = fileWith("old\nto");
  writeFileSync(`${path}.1`, "older\n");
  const follower = following(path);
  expect(follower.first).toEqual(["older", "old"]);
  expect(follower.next()).toEqual([]);
  appendFileSync(path, "rn\nnew\nha");
  expect(follower.next()).toEqual(["torn", "new"]);
  appendFileSync(path, "lf\n");
  expect([follower.next(), follower.next()]).toEqual([["half"], []]);
});

test("following goes on across a rotation, and misses nothing written before and after it", () => {
  const path = fileWith("1\n");
  const follower = following(path, 0);
  expect(follower.first).toEqual([]);
  appendFileSync(path, "2\n");
  renameSync(path, `${path}.1`);
  expect(follower.next()).toEqual(["2"]);
  appendFileSync(`${path}.1`, "3\ntorn");
  writeFileSync(path, "4\n5\n");
  expect(follower.next()).toEqual(["3", "torn", "4", "5"]);
  expect(follower.next()).toEqual([]);
});

test("following begins anew when the log is emptied, and waits for one that is not there", () => {
  const path = fileWith("1\n22222222\n");
  const follower = following(path, 0);
  writeFileSync(path, "3\n");
  expect(follower.next()).toEqual(["3"]);
  rmSync(path);
  expect(follower.next()).toEqual([]);
  const later = join(tempFolder(), "bus.log");
  const waiting = following(later);
  expect([waiting.first, waiting.next()]).toEqual([[], []]);
  writeFileSync(later, "first\n");
  expect(waiting.next()).toEqual(["first"]);
});
