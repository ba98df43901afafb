import { join } from "node:path";
import { type Figure, markdownTable } from "./figure.ts";
import { type Machine, machineLine } from "./machine.ts";

const PAGE = join(import.meta.dir, "../../docs/performance.md");
const [BEGIN, END] = ["<!-- begin bench -->", "<!-- end bench -->"];

/** The page with the table between its markers replaced. Throws when it has no markers. */
export function withTable(page: string, figures: readonly Figure[], machine: Machine): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page has no ${BEGIN} … ${END}`);
  const table = `${markdownTable(figures)}\n\n${machineLine(machine)}`;
  return `${page.slice(0, from + BEGIN.length)}\n\n${table}\n\n${page.slice(to)}`;
}

export async function writePage(figures: readonly Figure[], machine: Machine): Promise<void> {
  await Bun.write(PAGE, withTable(await Bun.file(PAGE).text(), figures, machine));
}
