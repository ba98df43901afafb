import { afterAll, expect } from "bun:test";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, heard } from "./desk.ts";

const TIMEOUT_MS = 120_000;
let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

testAtTerminal(
  "a session that was never prompted is woken too",
  async () => {
    desk = await Desk.open();
    const place = await desk.sit("c");
    await desk.idle("c");
    const text = fresh("first words");
    await desk.tell("c", text);
    const { news } = await heard(place, text);
    expect(news).toContain("direct message from");
    await desk.idle("c");
    expect(place.model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);
