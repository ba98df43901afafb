import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tokenNameProblem } from "../../src/domain/token.ts";
import { aStore, secretOf } from "../support/tokens.ts";

describe("a file that is no token of ours lets nobody in, is told of, and is in no other token's way", () => {
  const secret = "aeb_of-my-own-making";
  const hash = new Bun.CryptoHasher("sha256").update(secret).digest("hex");
  const whole = {
    ...{ name: "odd", scope: "full", hash, created_at: "2026-03-01T12:00:00.000Z" },
    ...{ expires_at: null, revoked_at: null },
  };
  const of = (more: object) => (file: string) => writeFileSync(file, JSON.stringify({ ...whole, ...more }));
  const files: [what: string, name: string, make: (file: string) => void][] = [
    ["empty", "odd.json", (file) => writeFileSync(file, "")],
    ["no JSON", "odd.json", (file) => writeFileSync(file, "laptop")],
    ["cut", "odd.json", (file) => writeFileSync(file, JSON.stringify(whole).slice(0, -1))],
    ["null", "odd.json", (file) => writeFileSync(file, "null")],
    ["a list", "odd.json", (file) => writeFileSync(file, JSON.stringify([whole]))],
    ["bytes", "odd.json", (file) => writeFileSync(file, Buffer.from([0xff, 0xfe, 0, 0x80]))],
    ["without a name", "odd.json", of({ name: undefined })],
    ["of another name than its file", "odd.json", of({ name: "even" })],
    ["of a name that no token may have", "Odd.json", of({ name: "Odd" })],
    ["of a name that is an origin", "local.json", of({ name: "local" })],
    ["of a name that does something to a terminal", "\x1b[2J.json", of({ name: "\x1b[2J" })],
    ["of no known scope", "odd.json", of({ scope: "root" })],
    ["without a scope", "odd.json", of({ scope: undefined })],
    ["of a scope that every object has", "odd.json", of({ scope: "toString" })],
    ["with a hash too short", "odd.json", of({ hash: hash.slice(1) })],
    ["with a hash in capitals", "odd.json", of({ hash: hash.toUpperCase() })],
    ["with its hash in a list", "odd.json", of({ hash: [hash] })],
    ["with its scope in a list", "odd.json", of({ scope: ["full"] })],
    ["with its name in a list", "odd.json", of({ name: ["odd"] })],
    ["with a time in a list", "odd.json", of({ created_at: [whole.created_at] })],
    ["with the token in the place of its hash", "odd.json", of({ hash: secret })],
    ["without a time", "odd.json", of({ created_at: undefined })],
    ["with an expiry that is no time", "odd.json", of({ expires_at: "soon" })],
    ["without an expiry", "odd.json", of({ expires_at: undefined })],
    ["with an expiry that is a number", "odd.json", of({ expires_at: 4_102_444_800_000 })],
    ["with a revocation that is no time", "odd.json", of({ revoked_at: "" })],
    ["with a revocation that says no", "odd.json", of({ revoked_at: false })],
    ["a folder", "odd.json", (file) => mkdirSync(file)],
    ["a link to nowhere", "odd.json", (file) => symlinkSync("/nowhere/odd.json", file)],
    ["a link to itself", "odd.json", (file) => symlinkSync(file, file)],
    ["a link through a file", "odd.json", (file) => symlinkSync("/etc/hostname/odd.json", file)],
    ["a link to memory that cannot be read", "odd.json", (file) => symlinkSync("/proc/self/mem", file)],
    ["a link to a device", "odd.json", (file) => symlinkSync("/dev/zero", file)],
    ["larger than any token", "odd.json", (file) => writeFileSync(file, JSON.stringify(whole).padEnd(5_000))],
    ["a pipe, which nobody writes to", "odd.json", (file) => void Bun.spawnSync(["mkfifo", file])],
  ];
  test.each(files)("%s", (_, name, make) => {
    const { store, another, folder } = aStore();
    const laptop = secretOf(another.create("laptop", "full", null));
    make(join(folder, name));
    expect(store.find(secret)).toBeUndefined();
    expect(store.find(hash)).toBeUndefined();
    expect(store.find(laptop)?.state).toBe("valid");
    expect(store.broken()).toEqual([join(folder, name)]);
    expect(store.list().map((token) => token.name)).toEqual(["laptop"]);
    expect(store.revoke("odd")).toBeUndefined();
    expect(another.create("other", "full", null)).not.toBeNull();
  });

  test("but the same, whole, lets its holder in: who may write there decides", () => {
    const { store, folder } = aStore();
    mkdirSync(folder);
    of({})(join(folder, "odd.json"));
    expect(store.find(secret)).toMatchObject({ state: "valid", token: { name: "odd" } });
  });

  test("files of other names are left alone", () => {
    const { store, folder } = aStore();
    mkdirSync(folder);
    for (const name of ["odd.json.bak", "README", ".odd.json~"]) of({})(join(folder, name));
    expect([store.list(), store.broken(), store.find(secret)]).toEqual([[], [], undefined]);
    expect(existsSync(join(folder, "README"))).toBe(true);
  });
});

describe("the name of a token", () => {
  test.each(["a", "7", "laptop", "ci-web", "build.7_x", "a".repeat(64)])("may be %s", (name) => {
    expect(tokenNameProblem(name)).toBeNull();
  });
  const wrong = [
    "",
    "A",
    "Laptop",
    "a b",
    "a/b",
    "../a",
    "..",
    ".",
    ".a",
    "a.",
    "-a",
    "a-",
    "_a",
    "a@b",
    "a\n",
    "ö",
  ];
  test.each([...wrong, "a".repeat(65), "a\x00b", "\x1b[2J"])("may not be %j", (name) => {
    expect(tokenNameProblem(name)).toContain("is not a valid token name. Use 1 to 64 of");
  });
  test.each(["local", "unverified", "bus", "anonymous"])("may not be %s, which is an origin", (name) => {
    expect(tokenNameProblem(name)).toContain("is reserved");
  });
});
