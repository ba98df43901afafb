import type { Figure } from "../figure.ts";
import { startDurable } from "../postgres/buses.ts";
import { appendFigures, publishFigures } from "../postgres/publish.ts";
import { wakeFigures, webhookFigures } from "../postgres/reach.ts";
import { sizeFigures } from "../postgres/size.ts";
import type { Row } from "../row.ts";

/** Several buses on one PostgreSQL, beside a bus on SQLite in the same run. */
export const postgres: Row = {
  name: "postgres",
  further: true,
  async run(bench) {
    const server = await startDurable();
    const figures: Figure[] = [];
    for (const part of [publishFigures, appendFigures, wakeFigures, webhookFigures, sizeFigures])
      figures.push(...(await part(bench, server)));
    await server.kill();
    return figures;
  },
};
