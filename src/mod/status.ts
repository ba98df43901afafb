import { machineIn } from "../hooks/session.ts";
import { inLine } from "../hooks/text.ts";
import { type Bus, callBus } from "./bus.ts";
import type { Engine } from "./engine.ts";
import { sessionCall } from "./session.ts";

/** Shows who is here and what is unread. */
export async function showStatus($: Engine, bus: Bus): Promise<void> {
  const call = await sessionCall($, bus, {});
  const whose = { client_id: call.clientId, ...machineIn(call) };
  const { name, here, unread, needs } = await callBus($, bus, "summarize", whose);
  const parts = [
    typeof name === "string" ? inLine(name, 40) : "",
    `${Number(here)} here`,
    Number(unread) > 0 ? `${Number(unread)} unread` : "",
    Number(needs) > 0 ? `${Number(needs)} ${Number(needs) === 1 ? "needs" : "need"} you` : "",
  ];
  $.ui.status(parts.filter(Boolean).join(" · "));
}
