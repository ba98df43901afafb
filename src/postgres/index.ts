// The one way into this room: a second one would split the program into more pieces, which each start of it pays for.
export { surveyOf, withTokens } from "./admin.ts";
export { fillServer, readServer } from "./moving.ts";
export { clockOf, openStore } from "./store.ts";
