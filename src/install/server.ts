import type { Desk, Json } from "../operation.ts";

export async function installServer(_args: Json, _desk: Desk): Promise<Json> {
  throw new Error("not built");
}
