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
    ["postgres://jo:secret@db/bus", "takes the path of a file, not an address (postgres:…)"],
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
