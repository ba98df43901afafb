import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { Claude, findClaude } from "../claude-code/client.ts";
import { type Account, newAccount, type Typed } from "../support/account.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { layWire, noNamespaces, removeWires, type Wire } from "../support/netns.ts";
import { type Block, shellBlocks } from "../support/page.ts";
import { post, readAnswer } from "../support/raw.ts";
import { call, type Headers } from "../support/strangers.ts";
import { noStandIn, type StandIn, startTailnet } from "../support/tailscale.ts";

const PAGE = "docs/security.md";
const SERVED = "my-server.my-tailnet.ts.net";
const HOSTS = { "my-server": "10.77.0.1", [SERVED]: "100.64.0.1" };
/** Machines of the tailnet that the laptop can speak as. */
const PEERS = { "100.64.0.2": "me@example.com", "100.64.0.3": "eve@example.com", "100.64.0.4": null };
const [MINE = "", EVES = "", TAGGED = ""] = Object.keys(PEERS);
const MCP = "/agent-event-bus/mcp";
const FORGED = { "tailscale-user-login": "me@example.com", "x-forwarded-for": MINE };

const claude = await findClaude();
const missing = noNamespaces ?? noStandIn ?? (claude === undefined ? "no Claude Code" : null);
if (missing !== null) console.log(`skipped: the commands of ${PAGE}, ${missing}`);

let wire: Wire;
let tailnet: StandIn;
let server: Account;
let laptop: Account;
/** The one that was shown last. */
let token = "";

const { HOME: _, PATH: __, ...clean } = new Claude(claude ?? "", "").env;
const programs = { claude: [claude ?? ""], loginctl: ["echo", "Linger=yes"] };

/** An account on the bus's machine, where the bus has been installed as the README says. */
async function newServer(): Promise<Account> {
  const stand_in = join(import.meta.dir, "../support/systemctl_program.ts");
  const systemctl = [process.execPath, stand_in, tempFolder(true)];
  const more = { systemctl, tailscale: tailnet.program };
  const made = { at: wire.server, hostname: "my-server", env: clean, programs: { ...programs, ...more } };
  server = newAccount(made);
  expectWell(await server.type("./agent-event-bus install server"));
  return server;
}

function newLaptop(hostname: string): Account {
  const env = { ...clean, NODE_EXTRA_CA_CERTS: tailnet.authority };
  return newAccount({ at: wire.client, hostname, programs, env });
}

function expectWell(typed: Typed): void {
  expect(typed).toEqual({ shown: expect.anything(), code: 0 });
}

/** Types a command on the machine that its page says. */
async function follow({ intro }: Block, command: string): Promise<void> {
  const account = /\bon the (laptop|others)\b/i.test(intro) ? laptop : server;
  const typed = await account.type(command, { TOKEN: token });
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

/** Publishes an event through the tailnet as a program of its own does; returns the status. */
async function knock(path: string, payload: string, headers: Headers = {}): Promise<number> {
  const socket = await wire.client.hold(SERVED, 443, "");
  const secure = connect({ socket, servername: SERVED, ca: readFileSync(tailnet.authority) });
  const body = call("publish_event", { event_type: "note", payload });
  secure.write(post(body, { host: SERVED, ...headers }, `POST ${path} HTTP/1.1`));
  const { status } = await readAnswer(secure);
  secure.destroy();
  return status;
}

/** From now on the laptop is the machine of that address. */
function speakAs(address: string): void {
  wire.client.ip("route", "replace", "100.64.0.0/24", "dev", "cable", "src", address);
}

function afterPlainNetwork(): void {
  test("then Claude Code is connected, and a message arrives as the token's name", async () => {
    expect((await laptop.type("claude mcp list")).shown).toMatch(/^agent-event-bus: .* ✔ Connected$/m);
    await expectMessage(laptop, "laptop");
  });

  test("then the token is kept for this person only", () => {
    for (const file of [`${DATA}/token`, ".claude.json"]) {
      const path = join(laptop.home, file);
      expect([file, statSync(path).mode & 0o777]).toEqual([file, 0o600]);
      expect(readFileSync(path, "utf8")).toContain(token);
    }
  });
}

function afterTailscale(install: string): void {
  test("then Claude Code is connected, and a message arrives as the login", async () => {
    expect((await laptop.type("claude mcp list")).shown).toMatch(/^agent-event-bus: .* ✔ Connected$/m);
    await expectMessage(laptop, "me@example.com");
  });

  test("then nobody reaches the bus but through the proxy and its path", async () => {
    for (const address of Object.values(HOSTS))
      expect((await wire.client.send(address, 8080, post("{}"))).status).toBe(0);
    for (const path of ["/", "/mcp", "/agent-event-bus-/mcp", "/agent-event-bus/../mcp"])
      expect([path, await knock(path, "astray")]).toEqual([path, 404]);
  });

  test.each<[what: string, headers: Headers]>([
    ["a login", { "tailscale-user-login": "boss@example.com" }],
    ["two logins", { "tailscale-user-login": "a@example.com\r\ntailscale-user-login: b@example.com" }],
    ["an address", { "X-Forwarded-For": "127.0.0.1", forwarded: "for=127.0.0.1" }],
    ["the mark of Funnel", { "Tailscale-Funnel-Request": "?1" }],
    ["that the proxy's own are to go", { connection: "close, tailscale-user-login, x-forwarded-for" }],
  ])("then it counts for nothing that the laptop writes %s into its headers", async (payload, headers) => {
    expect(await knock(MCP, payload, headers)).toBe(200);
    expect(await newest()).toMatchObject({ payload, origin: "me@example.com" });
  });

  test("then a login that is not on the list is refused, and nothing is changed", async () => {
    speakAs(EVES);
    const eve = newLaptop("eve");
    const refused = "eve@example.com is not in AGENT_EVENT_BUS_ALLOWED_LOGINS";
    expect(await eve.type(install)).toEqual({ code: 1, shown: expect.stringContaining(refused) });
    expect(readdirSync(eve.home)).toEqual(["agent-event-bus"]);
    expect(await knock(MCP, "eve", FORGED)).toBe(403);
  });

  test("then a tagged machine, which has no login, is refused, and works with a token", async () => {
    speakAs(TAGGED);
    const tagged = newLaptop("tagged");
    expect(await tagged.type(install)).toEqual({ code: 1, shown: expect.stringContaining("token create") });
    expect(await knock(MCP, "tagged", FORGED)).toBe(401);
    const made = await server.type("agent-event-bus token create --name tagged");
    expectWell(await tagged.type(`${install} --token "$TOKEN"`, { TOKEN: tokenIn(made) }));
    expectWell(await tagged.type("agent-event-bus doctor"));
    await expectMessage(tagged, "tagged");
  });
}

describe.skipIf(missing !== null)(`${PAGE}, as it stands there, with a stand-in for tailscale`, () => {
  const blocks = shellBlocks(PAGE);
  const commands = blocks.flatMap((block) => block.commands);

  beforeAll(async () => {
    const networks = [
      ["10.77.0.1/24", "10.77.0.2/24"],
      ["100.64.0.1/24", `${MINE}/24`],
    ] as const;
    wire = await layWire(networks, HOSTS);
    for (const address of [EVES, TAGGED]) wire.client.ip("address", "add", `${address}/24`, "dev", "cable");
    tailnet = startTailnet({ name: SERVED, address: "100.64.0.1", peers: PEERS });
    console.log(`${PAGE}: ${commands.length} commands; the real tailscale is replaced by a stand-in`);
  });
  afterAll(() => {
    tailnet?.stop();
    removeWires();
    removeFolders();
  });

  for (const section of new Set(blocks.map((block) => block.section)))
    describe(section, () => {
      beforeAll(async () => {
        [server, laptop] = [await newServer(), newLaptop("laptop")];
      });
      afterAll(() => server?.type("systemctl --user stop agent-event-bus.service"));

      const here = blocks.filter((block) => block.section === section);
      for (const block of here)
        for (const command of block.commands) test(command, () => follow(block, command));
      const install = here.flatMap((block) => block.commands).find((one) => one.includes("install client"));
      if (install?.includes("http://")) afterPlainNetwork();
      if (install?.includes("https://")) afterTailscale(install);
    });

  test("both ways are on the page", () => {
    for (const way of ["http://my-server:8080/mcp", `https://${SERVED}${MCP}`])
      expect(commands).toContainEqual(
        expect.stringContaining(`./agent-event-bus install client --url ${way}`),
      );
  });
});
