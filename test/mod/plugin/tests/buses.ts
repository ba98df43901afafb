// Which bus the mod asks, and with what.
import { expect, test } from "claude-code/testing";
import { Client, DATA, SOCKET } from "../kit/client.ts";

const SETTINGS = `${DATA}/settings.env`;
const REMOTE = "https://bus.example/mcp";
const HERE = { url: "http://127.0.0.1:8080/mcp", socketPath: SOCKET, token: undefined };

const BUSES: readonly [
  name: string,
  given: { env?: Record<string, string>; files?: Record<string, string> },
  asked: object,
][] = [
  ["by default, this machine's", {}, HERE],
  [
    "at the port of settings.env",
    { files: { [SETTINGS]: "PORT=9000\n", [`${DATA}/9000.sock`]: "" } },
    { url: "http://127.0.0.1:9000/mcp", socketPath: `${DATA}/9000.sock`, token: undefined },
  ],
  [
    "at the URL of settings.env, with the kept token",
    { files: { [SETTINGS]: `AGENT_EVENT_BUS_URL=${REMOTE}\n`, [`${DATA}/token`]: "kept\n" } },
    { url: REMOTE, socketPath: undefined, token: "kept" },
  ],
  [
    "at the URL of the environment, which wins, with its token",
    {
      env: { AGENT_EVENT_BUS_URL: "https://bus.example", AGENT_EVENT_BUS_TOKEN: "given" },
      files: { [SETTINGS]: "PORT=9000\n", [`${DATA}/token`]: "kept\n" },
    },
    { url: REMOTE, socketPath: undefined, token: "given" },
  ],
  ["in another home, by its socket", { env: { HOME: "", USERPROFILE: "/home/me" } }, HERE],
];
for (const [name, given, asked] of BUSES)
  test(`the bus is asked ${name}`, async ($, on) => {
    const client = new Client($, on, given);
    await client.prompt("hello");
    expect(client.bus.asked.map(({ url, socketPath, token }) => ({ url, socketPath, token }))).toEqual([
      asked,
    ]);
  });

test("a bus on another machine is told this machine's name, and no process of it", async ($, on) => {
  const client = new Client($, on, { env: { AGENT_EVENT_BUS_URL: REMOTE } });
  await client.prompt("hello");
  expect(client.bus.of("collect_events")[0]).toMatchObject({ client_id: "s1", machine: "laptop" });
  expect(client.bus.of("collect_events")[0]?.pid).toBeUndefined();
});

const ID = "3b241101-e2bb-4255-8caf-4136c566a962";
const SYSTEM = "3d1219c7c4c5404aaa1f6d2a48adfda4";
const IDS: readonly [what: string, files: Record<string, string>, id: string | undefined][] = [
  ["its id", { [`${DATA}/machine-id`]: `${ID} ${SYSTEM}\n`, "/etc/machine-id": `${SYSTEM}\n` }, ID],
  ["its id, without one of the system", { [`${DATA}/machine-id`]: `${ID} -\n` }, ID],
  [
    "no id of another system",
    { [`${DATA}/machine-id`]: `${ID} ${SYSTEM}\n`, "/etc/machine-id": `${"0".repeat(32)}\n` },
    undefined,
  ],
  ["no id, if there is none", {}, undefined],
];
for (const [what, files, id] of IDS)
  test(`a bus on another machine is told ${what}`, async ($, on) => {
    const client = new Client($, on, { env: { AGENT_EVENT_BUS_URL: REMOTE }, files });
    await client.prompt("hello");
    expect(client.bus.of("collect_events")[0]?.machine_id).toBe(id);
  });

test("settings that cannot be read are as a bus that is away", async ($, on) => {
  const client = new Client($, on, { files: { [SETTINGS]: "no setting\n" } });
  await client.start();
  expect(await client.prompt("hello")).toBeUndefined();
  expect(client.bus.asked).toEqual([]);
});
