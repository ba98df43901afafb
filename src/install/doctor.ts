import type { Desk, Json } from "../operation.ts";

export async function doctor(_desk: Desk): Promise<Json> {
  throw new Error("not built");
}
