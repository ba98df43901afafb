import type { Json } from "../operation.ts";

export async function restart(): Promise<Json> {
  throw new Error("not built");
}

export async function status(): Promise<Json> {
  throw new Error("not built");
}
