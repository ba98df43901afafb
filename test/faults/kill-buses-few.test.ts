import { test } from "bun:test";
import { busKillRounds } from "../support/bus_kill_rounds.ts";
import { noPostgres } from "../support/postgres.ts";

test.skipIf(noPostgres !== null)(
  "25 times kill -9 of buses and of their server lose nothing, and give nothing twice without its mark",
  () => busKillRounds(25),
  300_000,
);
