import { expect, test } from "bun:test";
import { createPrinter } from "../../src/cli/printer.ts";

/** Palettes of common terminals (ANSI 31 and 35), and their backgrounds. */
const PALETTES: readonly (readonly [name: string, background: string, red: string, magenta: string])[] = [
  ["xterm, light", "#ffffff", "#cd0000", "#cd00cd"],
  ["xterm, dark", "#000000", "#cd0000", "#cd00cd"],
  ["VS Code, light", "#ffffff", "#cd3131", "#bc05bc"],
  ["VS Code, dark", "#1e1e1e", "#cd3131", "#bc3fbc"],
  ["Tango, light", "#ffffff", "#cc0000", "#75507b"],
  ["Tango, dark", "#000000", "#cc0000", "#75507b"],
  ["macOS Basic, light", "#ffffff", "#c23621", "#d338d3"],
  ["macOS Basic, dark", "#000000", "#c23621", "#d338d3"],
];

const printer = createPrinter({ out() {}, err() {}, colours: true, width: 80, now: Date.now });
const codeOf = (painted: string) => Number(painted.slice(2, painted.indexOf("m")));

test("colours are the two of which the palettes below tell", () => {
  expect(codeOf(printer.colour("trouble", "x"))).toBe(31);
  expect(codeOf(printer.colour("attention", "x"))).toBe(35);
});

for (const [name, background, red, magenta] of PALETTES)
  test(`${name}: both colours can be read (WCAG contrast of 3 and more)`, () => {
    for (const colour of [red, magenta]) expect(contrast(colour, background)).toBeGreaterThanOrEqual(3);
  });

/** WCAG 2.2, contrast ratio. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
