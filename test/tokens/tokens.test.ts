import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { aStore, MINUTE, START, secretOf } from "../support/tokens.ts";
import { eventually } from "../support/webhook.ts";

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("a token's file", () => {
  test("is its owner's only, in a folder that is its owner's only, under any umask and in a folder that was open", () => {
    const { store, folder } = aStore();
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const earlier = process.umask(0);
    try {
      store.create("laptop", "full", null);
      store.create("gone", "full", null);
      store.revoke("gone");
    } finally {
      process.umask(earlier);
    }
    expect(mode(folder)).toBe("700");
    expect(readdirSync(folder).sort()).toEqual(["gone.json", "laptop.json"]);
    for (const file of readdirSync(folder)) expect(mode(join(folder, file))).toBe("600");
  });

  test("changes no mode of a folder that its own is a link to, nor of another user's folder", () => {
    const { store, folder } = aStore();
    const other = `${folder}-elsewhere`;
    mkdirSync(other, { mode: 0o755 });
    symlinkSync(other, folder);
    store.create("laptop", "full", null);
    expect([mode(other), readdirSync(other)]).toEqual(["755", ["laptop.json"]]);
    expect(mode(join(other, "laptop.json"))).toBe("600");
    if (process.getuid?.() !== 0) return;
    chownSync(other, 12_345, 12_345);
    rmSync(folder);
    renameSync(other, folder);
    store.create("phone", "full", null);
    expect(mode(folder)).toBe("755");
  });

  test("holds a hash and never the token", () => {
    const { store, folder } = aStore();
    const secret = secretOf(store.create("ci", "publish", MINUTE));
    expect(secret).toMatch(/^aeb_[A-Za-z0-9_-]{43}$/);
    const text = readFileSync(join(folder, "ci.json"), "utf8");
    expect(JSON.parse(text)).toEqual({
      name: "ci",
      scope: "publish",
      hash: new Bun.CryptoHasher("sha256").update(secret).digest("hex"),
      created_at: "2026-03-01T12:00:00.000Z",
      expires_at: "2026-03-01T12:01:00.000Z",
      revoked_at: null,
    });
    expect(text).not.toContain(secret.slice(4));
  });

  test("is none of one's own making: two tokens are never the same", () => {
    const { store } = aStore();
    const secrets = Array.from({ length: 100 }, (_, i) => secretOf(store.create(`t${i}`, "full", null)));
    expect(new Set(secrets).size).toBe(100);
    for (const [i, secret] of secrets.entries()) expect(store.find(secret)?.token.name).toBe(`t${i}`);
  });

  test("that was not finished is no token, and is in nobody's way", () => {
    const { store, folder } = aStore();
    mkdirSync(folder);
    writeFileSync(join(folder, `.laptop.${process.pid + 1}`), '{"name":"lap');
    const secret = secretOf(store.create("laptop", "full", null));
    expect(store.find(secret)?.state).toBe("valid");
    expect([store.list().length, store.broken()]).toEqual([1, []]);
  });
});

describe("a token is", () => {
  test("valid until it expires, to the millisecond, and expired from then on", () => {
    const { store, clock } = aStore();
    const secret = secretOf(store.create("ci", "full", MINUTE));
    clock.now += MINUTE - 1;
    expect(store.find(secret)?.state).toBe("valid");
    clock.now += 1;
    expect(store.find(secret)?.state).toBe("expired");
    clock.now += 100 * MINUTE;
    expect(store.find(secret)?.state).toBe("expired");
  });

  test("revoked for good, and revoking it again changes nothing", () => {
    const { store, clock } = aStore();
    const secret = secretOf(store.create("laptop", "full", null));
    clock.now += MINUTE;
    const revoked = store.revoke("laptop");
    expect(revoked?.revoked_at).toBe("2026-03-01T12:01:00.000Z");
    expect(store.find(secret)?.state).toBe("revoked");
    clock.now += MINUTE;
    expect(store.revoke("laptop")).toEqual(revoked);
    expect(store.revoke("nobody")).toBeUndefined();
  });

  test("the only one of its name: a valid one is not replaced, a revoked or an expired one is", () => {
    const { store, clock } = aStore();
    const first = secretOf(store.create("laptop", "full", null));
    expect(store.create("laptop", "read", null)).toBeNull();
    expect(store.find(first)?.token.scope).toBe("full");
    store.revoke("laptop");
    const second = secretOf(store.create("laptop", "read", MINUTE));
    expect(store.find(first)).toBeUndefined();
    expect(store.find(second)).toMatchObject({ state: "valid", token: { scope: "read" } });
    clock.now += MINUTE;
    const third = secretOf(store.create("laptop", "publish", null));
    expect(store.find(second)).toBeUndefined();
    expect(store.find(third)).toMatchObject({ state: "valid", token: { scope: "publish" } });
    expect(store.list()).toHaveLength(1);
  });

  test("found by nothing but itself", () => {
    const { store } = aStore();
    const secret = secretOf(store.create("laptop", "full", null));
    const hash = store.list()[0]?.hash ?? "";
    for (const wrong of [
      "",
      " ",
      "aeb_",
      secret.slice(0, -1),
      `${secret} `,
      secret.toLowerCase(),
      hash,
      "laptop",
    ])
      expect([wrong, store.find(wrong)]).toEqual([wrong, undefined]);
  });
});

test("when a token was last used is kept to the minute; a token that takes over its name starts anew", async () => {
  const { store, another, clock, folder } = aStore();
  const used = () => another.list()[0]?.last_used_at;
  const secret = secretOf(store.create("laptop", "full", null));
  expect(used()).toBeNull();
  store.find("wrong");
  clock.now += 1_000;
  store.find(secret);
  await eventually("the use is kept", () => used() === "2026-03-01T12:00:01.000Z");
  clock.now += MINUTE - 1;
  store.find(secret);
  clock.now += 1;
  store.find(secret);
  await eventually("the next use is kept", () => used() === "2026-03-01T12:01:01.000Z");
  store.revoke("laptop");
  store.find(secret);
  expect(used()).toBe("2026-03-01T12:01:01.000Z");
  const next = secretOf(store.create("laptop", "full", null));
  expect(used()).toBeNull();
  clock.now += 1_000;
  store.find(next);
  await eventually("its first use is kept", () => used() === "2026-03-01T12:01:02.000Z");
  expect(readdirSync(folder)).toEqual(["laptop.json"]);
});

describe("what another process changes is seen at the next look", () => {
  test("made, revoked, made again, deleted, moved away, put back", () => {
    const { store, another, folder } = aStore();
    expect(store.list()).toEqual([]);
    const secret = secretOf(another.create("laptop", "full", null));
    expect(store.find(secret)?.state).toBe("valid");
    another.revoke("laptop");
    expect(store.find(secret)?.state).toBe("revoked");
    const next = secretOf(another.create("laptop", "full", null));
    expect([store.find(secret), store.find(next)?.state]).toEqual([undefined, "valid"]);
    const file = join(folder, "laptop.json");
    renameSync(file, `${file}.away`);
    expect(store.find(next)).toBeUndefined();
    renameSync(`${file}.away`, file);
    expect(store.find(next)?.state).toBe("valid");
    rmSync(folder, { recursive: true });
    expect(store.find(next)).toBeUndefined();
    expect(store.list()).toEqual([]);
  });

  test("also when a file system's clock is too coarse to tell two changes apart", () => {
    const { store, another, clock, folder } = aStore();
    const moment = new Date(START);
    const secret = secretOf(another.create("laptop", "full", null));
    const inOneTick = () => utimesSync(folder, moment, moment);
    inOneTick();
    expect(store.find(secret)?.state).toBe("valid");
    another.revoke("laptop");
    inOneTick();
    expect(store.find(secret)?.state).toBe("revoked");
    clock.now += 2_000;
    const next = secretOf(another.create("laptop", "full", null));
    inOneTick();
    expect(store.find(next)?.state).toBe("valid");
    expect(store.find(secret)).toBeUndefined();
  });

  test("a folder that does not change is not read again", () => {
    const { store, another, clock, folder } = aStore();
    const secret = secretOf(another.create("laptop", "full", null));
    const moment = new Date(START);
    utimesSync(folder, moment, moment);
    clock.now += 2_001;
    expect(store.find(secret)?.state).toBe("valid");
    writeFileSync(join(folder, "laptop.json"), "");
    expect(store.find(secret)?.state).toBe("valid");
    utimesSync(folder, new Date(START + 1), new Date(START + 1));
    expect(store.find(secret)).toBeUndefined();
  });
});
