import { afterAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { publish } from "../support/agent.ts";
import { root, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { eventually, hook, hookOf } from "../support/webhook.ts";

const page = readFileSync(join(root, "docs/webhooks.md"), "utf8");

const LANGUAGES: { fence: string; program: string | null }[] = [
  { fence: "ts", program: process.execPath },
  { fence: "python", program: Bun.which("python3") },
  { fence: "go", program: Bun.which("go") },
];

/** Writes the code and returns the command that runs it. `go run` would leave the program behind when it is killed. */
async function commandFor(fence: string, program: string, code: string): Promise<string[]> {
  const path = join(tempFolder(), `receiver.${fence}`);
  await Bun.write(path, code);
  if (fence !== "go") return [program, path];
  const { success } = Bun.spawnSync([program, "build", "-o", `${path}.exe`, path], { stderr: "inherit" });
  if (!success) throw new Error("the receiver in go does not compile");
  return [`${path}.exe`];
}

function codeOf(fence: string): string {
  const code = new RegExp(`\`\`\`${fence}\n([^]*?)\n\`\`\``).exec(page)?.[1];
  if (code === undefined) throw new Error(`docs/webhooks.md has no ${fence} block`);
  return code;
}

interface Program {
  url: string;
  lines: string[];
}

async function run(command: string[], secret: string): Promise<Program> {
  const env = { ...process.env, SECRET: secret, PORT: "0" };
  const child = Bun.spawn(command, { env, stdout: "pipe", stderr: "inherit" });
  afterAll(() => child.kill());
  const lines: string[] = [];
  const reading = (async () => {
    let rest = "";
    for await (const chunk of child.stdout) {
      const parts = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    }
  })();
  await Promise.race([eventually("it listens", () => lines.length > 0, 30_000), reading]);
  const port = /listening on port (\d+)/.exec(lines.shift() ?? "")?.[1];
  return { url: `http://127.0.0.1:${port}/`, lines };
}

describe.each(LANGUAGES)("the receiver in $fence of docs/webhooks.md", ({ fence, program }) => {
  if (program === null) console.log(`skipped: the receiver in ${fence}, there is no ${fence} here`);

  test.skipIf(program === null).each([
    ["a plain secret", "correct-horse"],
    ["a whsec_ secret", `whsec_${Buffer.from("0123456789abcdef01234567").toString("base64")}`],
  ])(
    "takes what the bus signs with %s, once, and nothing else",
    async (_, secret) => {
      const { url, lines } = await run(await commandFor(fence, program ?? "", codeOf(fence)), secret);
      const bus = await startBus("binary");
      const id = await hook(bus, url, { secret });
      const ids = [await publish(bus, "späß 🦖"), await publish(bus, "two")];
      await eventually("both arrived", () => lines.length === 2, 15_000);
      expect(lines.sort()).toEqual([`event ${ids[0]} note: späß 🦖`, `event ${ids[1]} note: two`]);
      await bus.call("redeliver_webhook", { webhook_id: id, event_id: ids[0] });
      await eventually("all answered", async () => (await hookOf(bus, id)).pending === 0);
      expect(await bus.call("test_webhook", { webhook_id: id })).toMatchObject({
        success: true,
        status: 204,
      });
      await eventually("the test", () => lines.length === 3);
      expect(lines[2]).toStartWith("event 0 webhook_test: ");
      for (const headers of forgeries(secret))
        expect([(await fetch(url, { method: "POST", headers, body: "{}" })).status, headers]).toEqual([
          401,
          headers,
        ]);
      expect(lines).toHaveLength(3);
      // Go compiles its library the first time.
    },
    150_000,
  );
});

/** Headers that must not pass for the body `{}`. */
function forgeries(secret: string): Record<string, string>[] {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
  const signed = (timestamp: string, body = "{}", signer = key) => ({
    "webhook-id": "msg_1",
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${createHmac("sha256", signer).update(`msg_1.${timestamp}.${body}`).digest("base64")}`,
    "x-event-bus-signature": `sha256=${createHmac("sha256", secret).update("{}").digest("hex")}`,
  });
  const now = Math.floor(Date.now() / 1_000);
  const good = signed(`${now}`);
  return [
    {},
    signed(`${now - 301}`),
    signed(`${now + 310}`),
    signed("soon"),
    signed(`${now}`, "{ }"),
    signed(`${now}`, "{}", Buffer.from("another secret")),
    { ...good, "webhook-id": "msg_2" },
    { ...good, "webhook-signature": "" },
    { ...good, "webhook-signature": "v1," },
    { ...good, "x-event-bus-signature": "sha256=00" },
    { ...good, "x-event-bus-signature": "" },
  ];
}

test("the page tells the schedule as it is", async () => {
  const { WAITS } = await import("../../src/domain/retry_schedule.ts");
  const row = /\| after \|(.*)\|/.exec(page)?.[1] ?? "";
  const units: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000 };
  const told = [...row.matchAll(/\+([\d.]+) (s|min|h)/g)].map(
    ([, n, unit = ""]) => Number(n) * (units[unit] ?? 0),
  );
  expect(told).toEqual([...WAITS]);
});
