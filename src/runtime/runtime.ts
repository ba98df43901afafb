// The build replaces `process.versions.bun`, so that each bundle holds only the file of its own runtime.
const runtime = process.versions.bun === undefined ? await import("./node.ts") : await import("./bun.ts");

export const { adapter, listen, openDatabase, isCutOff, peerOf, watchClient, sqliteCode } = runtime;
export type * from "./types.ts";
