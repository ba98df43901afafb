import { expect, test } from "bun:test";
import { parseSettings } from "../src/config.ts";

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
