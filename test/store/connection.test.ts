// The connections of a bus to its PostgreSQL.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, statement } from "../../src/postgres/connection.ts";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, startPostgres } from "../support/postgres.ts";

let server: Server;

beforeAll(async () => {
  if (noPostgres === null) server = await startPostgres(await freePort());
});

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

test.skipIf(noPostgres !== null)(
  "statements that wait for a connection get one, though the server is left",
  async () => {
    const url = await server.database();
    await onServer(
      url,
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
    );
    const pool = connect(url);
    const read = statement("SELECT pg_sleep(0.05), pg_backend_pid() AS pid");
    const write = pool.run(statement("CREATE TABLE refused ()"));
    // More than there are connections.
    const reads = Array.from({ length: 40 }, () => pool.run(read));
    await expect(write).rejects.toThrow("read-only transaction");
    const pids = (await Promise.all(reads)).map(([row]) => row?.pid);
    const [after] = await pool.run(read);
    expect(pids).not.toContain(after?.pid);
    await pool.close();
  },
);
