import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import {
  type AddressKind,
  type AddressPolicy,
  checkedAddresses,
  kindOf,
  parseNetworks,
  TargetError,
} from "../../src/webhooks/target.ts";

const kinds: Record<AddressKind, string> = {
  forbidden: `169.254.169.254 169.254.0.1 0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    100.100.100.200 192.0.0.192 :: fe80::1 fe80::1%eth0 febf::1 ff02::1 fd00:ec2::254 64:ff9b:1::1 2001:0:1::1
    ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::ffff:0:a9fe:a9fe 64:ff9b::a9fe:a9fe 64:ff9b::169.254.169.254
    ::169.254.169.254 2002:a9fe:a9fe::1 ::ffff:0.0.0.0 ::ffff:255.255.255.255 ::2 nonsense`,
  loopback: `127.0.0.1 127.1.2.3 ::1 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1
    2002:7f00:1::`,
  private: `10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 198.18.0.1
    fc00::1 fd12:3456::1 fec0::1 ::ffff:10.0.0.1 64:ff9b::c0a8:101 2002:a00:1::1`,
  public: `93.184.216.34 1.1.1.1 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 169.253.0.1 192.169.0.1 223.255.255.255
    2606:4700::1111 2001:db9::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1`,
};

for (const [kind, addresses] of Object.entries(kinds))
  test.each(addresses.split(/\s+/))(`%s is ${kind}`, (address) => {
    expect(kindOf(address)).toBe(kind as AddressKind);
  });

const NAMES: Record<string, string[]> = {
  localhost: ["127.0.0.1", "::1"],
  "localhost.": ["127.0.0.1"],
  "public.test": ["93.184.216.34"],
  "mixed.test": ["93.184.216.34", "127.0.0.1"],
  "metadata.test": ["169.254.169.254"],
  "half.test": ["93.184.216.34", "169.254.169.254"],
  "lan.test": ["192.168.7.7"],
  "tail.test": ["100.64.0.9"],
  "v6.test": ["fe80::1%2"],
};

function policy(allowed = ""): AddressPolicy {
  return {
    lookup: async (name) => NAMES[name] ?? [],
    allowed: parseNetworks(allowed),
    ownPort: () => 8080,
  };
}

async function refusal(url: string, local: boolean, allowed?: string): Promise<string | null> {
  try {
    await checkedAddresses(new URL(url), local, policy(allowed));
    return null;
  } catch (error) {
    if (error instanceof TargetError) return error.message;
    throw error;
  }
}

const never = `http://169.254.169.254/latest/meta-data http://0xa9fea9fe/ http://2852039166/ http://0.0.0.0:9/ http://0/
  http://[::]/ http://[::ffff:169.254.169.254]/ http://[::ffff:a9fe:a9fe]/ http://[64:ff9b::a9fe:a9fe]/ http://[fe80::1]/
  http://224.0.0.1/ http://255.255.255.255/ http://100.100.100.200/ http://[fd00:ec2::254]/ http://[ff02::1]/
  http://metadata.test/ http://half.test/ http://v6.test/ http://127.0.0.1:8080/mcp http://localhost:8080/mcp
  http://[::1]:8080/mcp/ http://127.1:8080/ http://[::ffff:7f00:1]:8080/mcp?x=1 http://1６9.254.169.254/`;

test.each(never.split(/\s+/))("%s is for nobody, and a sentence says why", async (url) => {
  for (const local of [true, false])
    expect(await refusal(url, local, "0.0.0.0/0, ::/0")).toMatch(
      /^\S+( \(\S+\))? is (a link-local, metadata|this bus itself)/,
    );
});

const localOnly = `http://127.0.0.1:9/ http://localhost:9/ http://localhost.:9/ http://0x7f.1:9/ http://2130706433:9/
  http://127.1:9/ http://017700000001:9/ http://１２７.0.0.1:9/ http://[::1]:9/ http://[::ffff:7f00:1]:9/
  http://[::ffff:127.0.0.1]:9/ http://mixed.test:9/ http://10.1.2.3/ http://172.16.5.4/ http://192.168.0.1/ http://lan.test/
  http://100.64.0.9/ http://tail.test/ http://[fd12::1]/ http://[::ffff:10.0.0.1]/ http://[64:ff9b::c0a8:101]/`;

test.each(localOnly.split(/\s+/))("%s is for webhooks of this machine only", async (url) => {
  expect(await refusal(url, true)).toBeNull();
  expect(await refusal(url, false)).toMatch(/ is (a loopback address|in a private network), which only/);
});

test.each([
  "http://public.test/",
  "https://93.184.216.34/x",
  "http://[2606:4700::1111]/",
  "http://[64:ff9b::808:808]/",
])("%s is for everyone", async (url) => {
  for (const local of [true, false]) expect(await refusal(url, local)).toBeNull();
});

test("networks that are allowed by name are for everyone, mapped forms included; others stay refused", async () => {
  const allowed = "192.168.0.0/16, 100.64.0.0/10, fd12::/16,10.0.0.7";
  const urls =
    "http://lan.test/ http://tail.test/ http://[fd12::1]/ http://10.0.0.7/ http://[::ffff:10.0.0.7]/";
  for (const url of urls.split(" ")) expect(await refusal(url, false, allowed)).toBeNull();
  for (const url of ["http://10.0.0.8/", "http://localhost/", "http://[fd13::1]/"])
    expect(await refusal(url, false, allowed)).toContain("which only");
});

/** Every way to write an address that this machine has now. */
const own = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .filter(({ address }) => kindOf(address) !== "forbidden")
  .flatMap(({ address, family }) => (family === "IPv6" ? [`[${address}]`] : formsOf(address)));

function formsOf(address: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  return [
    ...[address, `[::ffff:${address}]`, `[::${hex}]`, `[64:ff9b::${hex}]`, `[2002:${hex}::1]`],
    String(((a * 256 + b) * 256 + c) * 256 + d),
  ];
}

test.each(own)("this machine's own address %s is the bus when the port is the bus's", async (host) => {
  for (const local of [true, false])
    expect(await refusal(`http://${host}:8080/mcp`, local, "0.0.0.0/0, ::/0")).toEndWith(
      "is this bus itself",
    );
});

test.each(own)("this machine's own address %s is loopback for others, on every port", async (host) => {
  const networks = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 198.18.0.0/15, fc00::/7";
  for (const url of [`http://${host}:9/`, `http://${host}/`, `https://${host}/x`]) {
    expect(await refusal(url, true)).toBeNull();
    expect(await refusal(url, false, networks)).toMatch(
      / is (a loopback address|an address of the bus's own)/,
    );
  }
});

test("a setting that allows loopback allows this machine's own addresses too", async () => {
  for (const host of own) expect(await refusal(`http://${host}:9/`, false, "127.0.0.0/8, ::1")).toBeNull();
});

test("a name without an address is told apart from a forbidden one", async () => {
  const lookup = () => checkedAddresses(new URL("http://gone.test/"), true, policy());
  await expect(lookup()).rejects.toMatchObject({ unresolved: true });
});

test("every address of a name is handed on, in its order", async () => {
  expect(await checkedAddresses(new URL("http://localhost/"), true, policy())).toEqual(["127.0.0.1", "::1"]);
});

test.each(["10.0.0.0/33", "fd00::/129", "ten", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/"])(
  "%s is not a network, and the message names it",
  (text) => {
    expect(() => parseNetworks(`10.0.0.0/8, ${text}`)).toThrow(`"${text}" is not a network`);
  },
);
