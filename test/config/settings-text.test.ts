import { expect, test } from "bun:test";
import { parseSettings } from "../../src/config/parse_settings.ts";
import { edited, type Settings } from "../../src/config/settings_text.ts";

/** A text with keys set, or removed with null, gives a text. */
function _(name: string, before: string, wanted: Settings, after: string): void {
  test(name, () => {
    expect(edited(before, wanted, "settings.env")).toBe(after);
    const read = parseSettings(after, "settings.env");
    for (const [key, value] of Object.entries(wanted)) expect(read[key]).toBe(value ?? undefined);
  });
}

const ODD = "# mine\n\nexport HOST = 10.0.0.7  \n  X=1\nPORT=1\nHOST=10.0.0.8\n";

_("the first key", "", { HOST: "::1" }, "HOST=::1\n");
_("nothing wanted changes nothing", ODD, {}, ODD);
_("what is so already changes nothing", ODD, { HOST: "10.0.0.8", PORT: "1" }, ODD);
_("a further key goes to the end", ODD, { ICON: "a b" }, `${ODD}ICON=a b\n`);
_("a last line without its end", "A=1", { B: "2" }, "A=1\nB=2\n");
_("of two lines of a key the last counts", ODD, { HOST: "::" }, ODD.replace("10.0.0.8", "::"));
_("export stays", "export PORT=1\n", { PORT: "2" }, "export PORT=2\n");
_("lines of Windows stay", "A=1\r\nB=2\r\n", { A: "3" }, "A=3\r\nB=2\r\n");
_("a key goes, with all its lines", ODD, { HOST: null }, "# mine\n\n  X=1\nPORT=1\n");
_("the last key goes", "HOST=1\n", { HOST: null }, "");
_(
  "quotes where the reader takes them off",
  "",
  { A: " x ", B: '"x"', C: `it's` },
  `A=" x "\nB=""x""\nC=it's\n`,
);

test("a value of two lines, and a text that cannot be read, are refused", () => {
  expect(() => edited("", { HOST: "a\nb" }, "f")).toThrow("HOST must be a single line");
  expect(() => edited("HOST=1\nodd\n", { PORT: "2" }, "settings.env")).toThrow('settings.env, line 2: "odd"');
});
