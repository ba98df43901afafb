import { test } from "bun:test";
import { killRounds } from "../support/kill_rounds.ts";

test(
  "200 times kill -9 while everything changes lose nothing acknowledged, and turn no cursor back",
  () => killRounds(200),
  900_000,
);
