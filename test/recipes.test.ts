// The recipes of CONTRIBUTING, each tried with one file. test/operations.test.ts tries the one for a tool.
import { expect, test } from "bun:test";
import { createApp } from "../src/http/app.ts";
import { createRoutes } from "../src/http/routes.ts";
import { openDatabase } from "../src/runtime/runtime.ts";
import { GroupCommit } from "../src/sqlite/group_commit.ts";
import { aRequest, type Headers_ } from "./support/access.ts";
import { databaseWith } from "./support/admin.ts";
import { echo } from "./support/extra_route.ts";
import { TypeTable } from "./support/extra_table.ts";
import { createIdentities, from, guardAt } from "./support/identity.ts";

test("a route of one file answers whom its policy admits, behind the guard", async () => {
  const { tokens, secret } = createIdentities();
  const own = createRoutes({
    mcp: async () => new Response("mcp"),
    page: async () => new Response("page"),
    signIn: async () => new Response("sign in"),
    signOut: () => new Response("sign out"),
    call: async () => new Response("call"),
    reads: { needs: () => new Response("needs") },
    metrics: async () => new Response("metrics"),
    stream: async () => new Response("stream"),
    button: async () => new Response("button"),
    inbound: { handle: () => new Response("in"), isPublic: false },
    health: () => new Response("health"),
  });
  const app = createApp({
    routes: [...own, echo],
    guard: guardAt({ tokens }),
    refused() {},
    unexpected(error) {
      throw error;
    },
  });
  const ask = (method: string, headers: Headers_ = {}) =>
    app.fetch(from("127.0.0.1", aRequest(headers, method, "/echo/hello")));
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  const answer = await ask("GET");
  expect(await answer.json()).toEqual({ word: "hello", origin: "local" });
  expect((await ask("POST")).status).toBe(405);
  expect((await ask("GET", bearer(secret.ci))).status).toBe(403);
  expect((await ask("GET", bearer(secret.old))).status).toBe(401);
  expect((await ask("GET", { host: "evil.example" })).status).toBe(421);
});

test("an engine method of one file reads, and writes in the shared transaction", async () => {
  const path = await databaseWith(3);
  const db = openDatabase(path);
  const writer = new GroupCommit(db, { path, probe() {}, now: Date.now });
  const types = new TypeTable({ db, writer });
  expect(await types.count("t")).toBe(3);
  expect(await Promise.all([types.rename("t", "u"), types.rename("none", "u")])).toEqual([3, 0]);
  expect(await types.count("u")).toBe(3);
  await writer.drain();
  db.close();
});
