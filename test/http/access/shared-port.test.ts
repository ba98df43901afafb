// Two programs may come from one port, to different servers: each is told apart.
import { expect, test } from "bun:test";
import { join } from "node:path";

const ALONE = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];
const isPossible = Bun.which("ip") !== null && Bun.spawnSync([...ALONE, "true"]).success;
if (!isPossible) console.log("NOT TESTED: connections from one port, which needs unshare and ip");

test.skipIf(!isPossible)("of two connections from one port, the one to the bus is found", async () => {
  const program = join(import.meta.dir, "shared_port.ts");
  const child = Bun.spawn([...ALONE, process.execPath, program], { stdout: "pipe" });
  expect(await new Response(child.stdout).json()).toEqual({ shared: 1, any: 2, exact: 1, elsewhere: 2 });
});
