import type { Route } from "../../src/http/routes.ts";

/** A route that the program does not have. */
export const echo: Route = {
  method: "GET",
  path: "/echo/:word",
  policy: "read",
  body: "none",
  handle: (_request, { origin }, { word }) => Response.json({ word, origin }),
};
