import type { Figure } from "../figure.ts";
import type { Row } from "../row.ts";

/** Several buses on one PostgreSQL, beside a bus on SQLite in the same run. */
export const postgres: Row = {
  name: "postgres",
  further: true,
  async run(bench) {
    // Prints a line where there is no PostgreSQL, which is not meant for other rows.
    const { startDurable } = await import("../postgres/buses.ts");
    const { appendFigures, publishFigures } = await import("../postgres/publish.ts");
    const { wakeFigures, webhookFigures } = await import("../postgres/reach.ts");
    const { sizeFigures } = await import("../postgres/size.ts");
    const server = await startDurable();
    const figures: Figure[] = [];
    for (const part of [publishFigures, appendFigures, wakeFigures, webhookFigures, sizeFigures])
      figures.push(...(await part(bench, server)));
    await server.kill();
    return figures;
  },
};
