import { existsSync } from "node:fs";
import { settingsPath } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import type { Desk } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { clock, health, owner, skew } from "./checks/bus.ts";
import { allow, clientProxy, hooks, policy, registration } from "./checks/claude.ts";
import { database } from "./checks/database.ts";
import { notifications, sources, webhooks } from "./checks/deliveries.ts";
import { type Place, placeOf } from "./checks/facts.ts";
import { bad, type Check, type Finding } from "./checks/finding.ts";
import { executable, onPath, port, service } from "./checks/machine.ts";
import { proveMessage } from "./checks/message.ts";
import { proxy, tailscale } from "./checks/network.ts";
import { plugin } from "./checks/plugin.ts";
import { sessions } from "./checks/sessions.ts";
import { settings, token } from "./checks/settings.ts";
import { isBus } from "./running.ts";

/** Every check, in the order of the report. */
const CHECKS: readonly Check[] = [
  ...[executable, onPath, settings, service, port, health, owner, token, skew, clock],
  ...[tailscale, proxy, database],
  ...[registration, policy, clientProxy, allow, plugin, hooks, sessions],
  ...[webhooks, sources, notifications],
];

const LONGEST_MS = 4_000;

/** Checks the installation of this machine, then sends a message through it. Changes nothing and leaves nothing. */
export async function doctor(desk: Desk): Promise<Json> {
  const place = placeOf();
  const checks: Finding[] = [];
  const tell = async (findings: readonly Finding[]) => {
    for (const finding of findings) {
      checks.push(finding);
      await desk.tell({ ...finding });
    }
  };
  if (await isNothingHere(place)) {
    await tell([nothing(place)]);
    // Otherwise the advice to install the bus would lead to another user's port.
    if ((await place.probe()).kind === "foreign") await tell(await resultOf(health, place));
    return { checks, error: "Nothing is installed on this machine." };
  }
  for (const check of CHECKS) await tell(await resultOf(check, place));
  const { finding, ...proof } = await proveMessage(place);
  await tell([finding]);
  const problems = checks.filter(({ state }) => state === "bad").length;
  if (problems > 0)
    return { checks, ...proof, error: `${problems} of ${checks.length} checks found a problem.` };
  return {
    checks,
    ...proof,
    next: [`Everything works. A test message arrived after ${proof.milliseconds} ms.`],
  };
}

async function resultOf({ what, look }: Check, place: Place): Promise<readonly Finding[]> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const bound = new Promise<Finding>((resolve) => {
    const found = `did not finish within ${LONGEST_MS / 1000} s`;
    late = setTimeout(resolve, LONGEST_MS, { what, ...bad(found) });
  });
  try {
    return [(await Promise.race([look(place), bound])) ?? []].flat();
  } catch (error) {
    return [{ what, ...bad(error instanceof Error ? error.message : String(error)) }];
  } finally {
    clearTimeout(late);
  }
}

async function isNothingHere(place: Place): Promise<boolean> {
  if (place.role === "client" || existsSync(place.program) || existsSync(settingsPath())) return false;
  // The check of a file reports that it cannot be read.
  const isThere = (look: () => boolean) => attempt(look) ?? true;
  const service = await place.service();
  return !(
    isBus(await place.probe()) ||
    ("service" in service && service.state.installed) ||
    isThere(() => place.registration() !== undefined) ||
    isThere(() => place.hooks().right.length + place.hooks().stale.length > 0) ||
    isThere(() => ["right", "stale"].includes(place.plugin().state))
  );
}

function nothing({ command }: Place): Finding {
  const repair = `${command} install server (the bus runs here), or: ${command} install client --url http://BUS:8080/mcp`;
  return { what: "executable", ...bad("the bus is not installed on this machine", repair) };
}
