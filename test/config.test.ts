import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { dataDirectory, homeDirectory } from "../src/config/client.ts";
import { parseSettings } from "../src/config/parse_settings.ts";
import { serverConfig } from "../src/config/server.ts";

const parsed = (text: string) => parseSettings(text, "settings.env");

test("lines of settings.env", () => {
  expect(parsed("")).toEqual({});
  expect(parsed('A=1\r\n\n  # B=2\n export C_3 = "x = y" \nD=\'z\'\nE=\nF="\nA=2\n')).toEqual({
    A: "2",
    C_3: "x = y",
    D: "z",
    E: "",
    F: '"',
  });
});

for (const line of ["A", "=1", "1A=1", "A B=1", "A-B=1", "export =1"])
  test(`"${line}" is no setting, and the line is named`, () => {
    expect(() => parsed(`A=1\n${line}\n`)).toThrow(`settings.env, line 2: "${line}" is not KEY=VALUE.`);
  });

describe("paths", () => {
  const home = homeDirectory();
  const data = dataDirectory();
  /** The settings that are paths, from a flag or the environment, and from settings.env. */
  const PLACES = [
    { key: "db", name: "AGENT_EVENT_BUS_DB" },
    { key: "log", name: "AGENT_EVENT_BUS_LOG" },
    { key: "err", name: "AGENT_EVENT_BUS_ERR" },
  ] as const;

  test.each([
    { given: "/x/data.db", here: "/x/data.db", kept: "/x/data.db" },
    { given: "~/data.db", here: join(home, "data.db"), kept: join(home, "data.db") },
    { given: "other/data.db", here: "other/data.db", kept: join(data, "other/data.db") },
    { given: "../data.db", here: "../data.db", kept: join(data, "../data.db") },
    { given: "a~/b:c", here: "a~/b:c", kept: join(data, "a~/b:c") },
  ])("$given is $here, and in settings.env $kept", ({ given, here, kept }) => {
    expect(serverConfig({ db: given }, {}, {}).db).toBe(here);
    for (const { key, name } of PLACES) {
      expect(serverConfig({}, { [name]: given }, {})[key]).toBe(here);
      expect(serverConfig({}, {}, { [name]: given })[key]).toBe(kept);
    }
  });

  test.each([
    [":memory:", "takes the path of a file, not an address (:memory:…)"],
    ["file:data.db", "takes the path of a file, not an address (file:…)"],
    ["FILE:/x?mode=memory", "takes the path of a file, not an address (FILE:…)"],
    ["mysql://jo:secret@db/bus", "takes the path of a file, not an address (mysql:…)"],
    ["~jo/data.db", 'is "~jo/data.db", which was not expanded. Write ~/ or the full path'],
    ["$HOME/data.db", 'is "$HOME/data.db", which was not expanded. Write ~/ or the full path'],
    ["/x/", 'is "/x/", a folder. Give the path of a file.'],
  ])("%s is refused, with what to do and without what may be secret", (given, says) => {
    expect(() => serverConfig({ db: given }, {}, {})).toThrow(`--db ${says}`);
    for (const { name } of PLACES)
      for (const config of [
        () => serverConfig({}, { [name]: given }, {}),
        () => serverConfig({}, {}, { [name]: given }),
      ]) {
        expect(config).toThrow(`${name} ${says}`);
        expect(config).not.toThrow("secret");
      }
  });
});

describe("a database on PostgreSQL", () => {
  const NAME = "AGENT_EVENT_BUS_DB";
  const placeOf = (text: string) => serverConfig({}, { [NAME]: text }, {}).postgres;
  const modeOf = (text: string) => new URL(placeOf(text)?.url ?? "").searchParams.get("sslmode");

  test("is chosen by a URL, which is shown without its user, its password and its parameters", () => {
    const text = "postgresql://jo:secret@db.example.com:6432/bus?sslmode=require";
    for (const config of [serverConfig({}, { [NAME]: text }, {}), serverConfig({}, {}, { [NAME]: text })]) {
      expect(config.postgres?.shown).toBe("postgres://db.example.com:6432/bus");
      expect(config.postgres?.url).toContain("jo:secret@");
      expect(config.db).toBe(join(dataDirectory(), "postgres-8080"));
    }
    expect(serverConfig({ db: "x.db" }, { [NAME]: text }, {}).postgres).toBeNull();
    expect(serverConfig({ db: "postgres://jo@h/d", port: "81" }, {}, {}).db).toEndWith("postgres-81");
    for (const name of ["AGENT_EVENT_BUS_LOG", "AGENT_EVENT_BUS_ERR"]) {
      const logged = () => serverConfig({}, { [name]: text }, {});
      expect(logged).toThrow(`${name} takes the path of a file, not an address (postgresql:…)`);
    }
  });

  test.each([
    ["postgres://jo@127.0.0.1/bus", "disable"],
    ["postgres://jo@[::1]/bus", "disable"],
    ["postgres://jo@localhost:1/bus", "disable"],
    ["postgres:///bus?user=jo&host=/run/postgresql", "disable"],
    ["postgres://jo@10.0.0.1/bus", "verify-full"],
    ["postgres://jo@db/bus?sslmode=disable", "disable"],
    ["postgres://jo@db/bus?sslmode=require", "require"],
    ["postgres://jo@db/bus?sslmode=verify-ca&sslrootcert=/ca.pem", "verify-ca"],
  ])("%s: sslmode %s", (text, mode) => {
    expect(modeOf(text)).toBe(mode);
  });

  test.each([
    ["postgres://jo:se#cret@db/bus", "is not a URL that can be read. Characters like # in a password"],
    ["postgres://jo:secret@db", "names no database"],
    ["postgres://db/bus", "names no user"],
    [
      "postgres://jo:secret@db/bus?sslmode=prefer",
      "has an sslmode that is not one of disable, require, verify-ca",
    ],
    ["postgres://jo:secret@db/bus?sslmode=verify-ca", "has sslmode=verify-ca, which needs the file"],
  ])("%s is refused, without what may be secret", (text, says) => {
    expect(() => placeOf(text)).toThrow(`${NAME} ${says}`);
    expect(() => placeOf(text)).not.toThrow("cret@");
  });

  test("a password on the command line is refused", () => {
    for (const db of ["postgres://jo:secret@db/bus", "postgres://jo@db/bus?password=secret"]) {
      expect(() => serverConfig({ db }, {}, {})).toThrow(
        "--db has a password, which other users of this machine",
      );
      expect(() => serverConfig({ db }, {}, {})).not.toThrow("secret");
    }
    expect(serverConfig({ db: "postgres://jo@db/bus" }, {}, {}).postgres?.shown).toBe("postgres://db/bus");
  });
});
