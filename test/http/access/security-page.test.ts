import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Account, Typed } from "../../support/account.ts";
import { DATA } from "../../support/home.ts";
import { type Block, shellBlocks, textUnder } from "../../support/page.ts";
import { post } from "../../support/raw.ts";
import { call, type Headers } from "../../support/strangers.ts";
import { expectWell, HOSTS, type Machines, noMachines, startMachines } from "../../support/two_machines.ts";

const PAGES = ["docs/security.md", "docs/several-machines.md"];
const MCP = "/agent-event-bus/mcp";
const FORGED = { "tailscale-user-login": "me@example.com", "x-forwarded-for": "100.64.0.2" };

if (noMachines !== null) console.log(`skipped: the commands of ${PAGES.join(" and ")}, ${noMachines}`);

let machines: Machines;
let server: Account;
let client: Account;
/** The one that was shown last. */
let token = "";

/** Types a command on the machine that its page says. */
async function follow({ intro }: Block, command: string): Promise<void> {
  const there = /\bon the (laptop|others|client)\b/i.test(intro) || command.startsWith("scp ");
  const typed = await (there ? client : server).type(command, { TOKEN: token });
  expectWell(typed);
  token = tokenIn(typed) || token;
}

function tokenIn({ shown }: Typed): string {
  return /\baeb_[\w-]+/.exec(shown)?.[0] ?? "";
}

/** The event that was published last, as the bus's machine sees it. */
async function newest(): Promise<{ payload: string; origin: string }> {
  const { shown } = await server.type("agent-event-bus events --limit 1 --json");
  return JSON.parse(shown).events[0];
}

async function expectMessage(from: Account, origin: string): Promise<void> {
  const payload = `from ${origin}`;
  expectWell(await from.type(`agent-event-bus publish --type note --payload '${payload}'`));
  expect(await newest()).toMatchObject({ payload, origin });
}

function worksAs(origin: string): void {
  test(`then Claude Code is connected, and a message arrives as ${origin}`, async () => {
    expect((await client.type("claude mcp list")).shown).toMatch(/^agent-event-bus: .* ✔ Connected$/m);
    await expectMessage(client, origin);
  });

  test("then doctor finds nothing on either machine", async () => {
    for (const account of [server, client]) {
      const { shown, code } = await account.type("agent-event-bus doctor");
      expect([code, shown]).toEqual([0, expect.not.stringMatching(/^(note|BAD)/m)]);
    }
  });
}

function withToken(commands: readonly string[]): void {
  worksAs("laptop");

  test("then the token is kept for this person only", () => {
    for (const file of [`${DATA}/token`, ".claude.json"]) {
      const path = join(client.home, file);
      expect([file, statSync(path).mode & 0o777]).toEqual([file, 0o600]);
      expect(readFileSync(path, "utf8")).toContain(token);
    }
  });

  const names = commands.flatMap((one) => /ALLOWED_HOSTS=([\w.-]+)/.exec(one)?.[1] ?? []);
  test.each(names)("then the bus answers as %s too", async (host) => {
    const body = call("publish_event", { event_type: "note", payload: host });
    const bytes = post(body, { host: `${host}:8080`, authorization: `Bearer ${token}` });
    const answer = await machines.wire.client.send(HOSTS["my-server"], 8080, bytes);
    expect(answer).toMatchObject({ status: 200 });
  });
}

function withTailscale(install: string): void {
  test("then nobody reaches the bus but through the proxy and its path", async () => {
    for (const address of Object.values(HOSTS))
      expect((await machines.wire.client.send(address, 8080, post("{}"))).status).toBe(0);
    for (const path of ["/", "/mcp", "/agent-event-bus-/mcp", "/agent-event-bus/../mcp"])
      expect([path, await machines.knock(path, "astray")]).toEqual([path, 404]);
  });

  test.each<[what: string, headers: Headers]>([
    ["a login", { "tailscale-user-login": "boss@example.com" }],
    ["two logins", { "tailscale-user-login": "a@example.com\r\ntailscale-user-login: b@example.com" }],
    ["an address", { "X-Forwarded-For": "127.0.0.1", forwarded: "for=127.0.0.1" }],
    ["the mark of Funnel", { "Tailscale-Funnel-Request": "?1" }],
    ["that the proxy's own are to go", { connection: "close, tailscale-user-login, x-forwarded-for" }],
  ])("then it counts for nothing that the laptop writes %s into its headers", async (payload, headers) => {
    expect(await machines.knock(MCP, payload, headers)).toBe(200);
    expect(await newest()).toMatchObject({ payload, origin: "me@example.com" });
  });

  test("then a login that is not on the list is refused, and nothing is changed", async () => {
    machines.be("eves");
    const eve = machines.newClient("eve", server);
    const { shown, code } = await eve.type(install);
    expect([code, shown]).toEqual([
      1,
      expect.stringMatching(/ eve@example.com is not in \w+_ALLOWED_LOGINS\.$/m),
    ]);
    expect(readdirSync(eve.home)).toEqual(["agent-event-bus"]);
    expect(await machines.knock(MCP, "eve", FORGED)).toBe(403);
  });

  test("then a tagged machine, which has no login, is refused, and works with a token", async () => {
    machines.be("tagged");
    const tagged = machines.newClient("tagged", server);
    expect(await tagged.type(install)).toEqual({ code: 1, shown: expect.stringContaining("token create") });
    expect(await machines.knock(MCP, "tagged", FORGED)).toBe(401);
    const made = await server.type("agent-event-bus token create --name tagged");
    expectWell(await tagged.type(`${install} --token "$TOKEN"`, { TOKEN: tokenIn(made) }));
    expectWell(await tagged.type("agent-event-bus doctor"));
    await expectMessage(tagged, "tagged");
  });
}

/** What may be another at every run is a dash. */
function lasting(shown: string): string {
  return shown
    .replace(/\/\S+\/home\//g, "~/")
    .replace(/[\d.]+(?= m?s\b)/g, "-")
    .replace(/\b\d+\.\d+\.\d+\S*/g, "-")
    .replace(/session \S+:/, "session -:")
    .trim();
}

function section(blocks: readonly Block[], doctor: string | undefined): void {
  const commands = blocks.flatMap((block) => block.commands);
  const install = commands.find((one) => one.includes(" install client ")) ?? "";

  beforeAll(async () => {
    machines.be("mine");
    server = await machines.newServer(install === "" ? "executable" : "bus");
    client = machines.newClient("laptop", server);
  });
  afterAll(() => machines.stop());

  for (const block of blocks)
    for (const command of block.commands) test(command, () => follow(block, command));
  if (install.includes("http://")) withToken(commands);
  if (install.includes("https://")) worksAs("me@example.com");
  if (install.includes("https://") && doctor !== undefined)
    test("then doctor shows what the page shows", async () => {
      const { shown } = await client.type("agent-event-bus doctor");
      expect(lasting(shown)).toBe(lasting(doctor));
    });
  if (commands.some((one) => one.includes("ALLOWED_LOGINS"))) withTailscale(install);
}

describe.skipIf(noMachines !== null)("typed as it stands there, with stand-ins for tailscale and scp", () => {
  beforeAll(async () => {
    machines = await startMachines();
    console.log(`${PAGES.join(", ")}: the real tailscale, scp and systemctl are replaced by stand-ins`);
  });
  afterAll(() => machines?.remove());

  for (const page of PAGES)
    describe(page, () => {
      const blocks = shellBlocks(page);
      for (const name of new Set(blocks.map((block) => block.section)))
        describe(name, () =>
          section(
            blocks.filter((block) => block.section === name),
            textUnder(page, "What doctor shows"),
          ),
        );

      test("shows both ways", () => {
        const commands = blocks.flatMap((block) => block.commands);
        for (const url of ["http://my-server:8080/mcp", `https://my-server.my-tailnet.ts.net${MCP}`])
          expect(commands).toContainEqual(
            expect.stringContaining(`./agent-event-bus install client --url ${url}`),
          );
      });
    });
});
