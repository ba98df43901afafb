// The compose file of docs/scale.md, as far as it can be checked without an engine of containers.
import { expect, test } from "bun:test";
import { serverConfig } from "../../src/config/server.ts";
import { VARIABLES } from "../../src/config/variables.ts";
import { onlyBlock } from "../support/page.ts";

const PAGE = "docs/scale.md";

interface Service {
  image: string;
  hostname?: string;
  command?: string;
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  depends_on?: string[] | Record<string, { condition: string }>;
  healthcheck?: object;
}

const file = Bun.YAML.parse(onlyBlock(PAGE, "yaml")) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};
const { services } = file;
const buses = Object.entries(services).filter(([, { command }]) => command === "agent-event-bus serve");

/** With the variables of `.env` in place. */
const settingsOf = ({ environment = {} }: Service) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{BUS_PASSWORD:\?\}/, "Secret1"),
    ]),
  );

test("every bus has settings that it takes, on the database of the file", () => {
  expect(buses.map(([name]) => name)).toEqual(["bus-1", "bus-2"]);
  const known = Object.values(VARIABLES).map(({ name }) => name);
  const { POSTGRES_USER, POSTGRES_PASSWORD } = settingsOf(services.postgres as Service);
  for (const [name, bus] of buses) {
    const settings = settingsOf(bus);
    expect(Object.keys(settings).filter((one) => !known.includes(one as never))).toEqual([]);
    const { host, port, postgres, allowedHosts } = serverConfig({}, settings, {});
    expect([bus.hostname, host, port, allowedHosts]).toEqual([name, "0.0.0.0", 8080, ["bus.example.com"]]);
    // The image of PostgreSQL names the database after its user.
    expect(postgres?.shown).toBe(`postgres://postgres/${POSTGRES_USER}`);
    const { username, password, searchParams } = new URL(String(postgres?.url));
    expect([username, password, searchParams.get("sslmode")]).toEqual([
      ...[String(POSTGRES_USER), String(POSTGRES_PASSWORD), "disable"],
    ]);
  }
});

test("whatever a service names is there", () => {
  for (const { depends_on = [], volumes = [], healthcheck } of Object.values(services)) {
    const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
    for (const name of needed) expect(Object.keys(services)).toContain(name);
    if (!Array.isArray(depends_on))
      for (const [name, { condition }] of Object.entries(depends_on))
        expect([condition, services[name]?.healthcheck]).toEqual(["service_healthy", expect.anything()]);
    const [source = ""] = volumes[0]?.split(":") ?? [];
    if (!source.startsWith("./") && source !== "") expect(Object.keys(file.volumes)).toContain(source);
    if (healthcheck !== undefined) expect(healthcheck).toMatchObject({ test: expect.any(String) });
  }
});

test.each(["nginx", "haproxy"])("the configuration for %s names both buses", (language) => {
  const text = onlyBlock(PAGE, language);
  for (const [name] of buses) expect(text).toContain(`${name}:8080`);
});
