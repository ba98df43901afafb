import { readFileSync } from "node:fs";
import type { Service, ServiceState } from "../service.ts";
import { wake } from "./bus.ts";
import type { Check, Finding, Place } from "./facts.ts";
import { listenerAt } from "./holder.ts";

/** Whether this machine starts the bus by itself. */
export const service: Check = {
  what: "service",
  async look(place) {
    if (place.role === "client") return undefined;
    const found = await place.service();
    return "none" in found
      ? withoutManager(place, found.none)
      : withManager(place, found.service, found.state);
  },
};

async function withoutManager(place: Place, none: string): Promise<Finding> {
  const { what } = service;
  const { kind } = await place.probe();
  const found = `none here: ${none}`;
  return kind === "bus" || kind === "unauthorized"
    ? { what, state: "note", found: `${found}; the bus runs without one` }
    : { what, state: "bad", found, repair: await wake(place) };
}

async function withManager(place: Place, one: Service, state: ServiceState): Promise<Finding | Finding[]> {
  const { what } = service;
  const bad = (found: string, repair: string): Finding => ({ what, state: "bad", found, repair });
  if (!state.installed) {
    const { kind } = await place.probe();
    return kind === "bus" || kind === "unauthorized"
      ? { what, state: "note", found: `none installed; the bus runs without: ${place.install} makes one` }
      : bad(`no ${one.name}`, place.install);
  }
  const [program] = one.parse(readFileSync(one.file, "utf8")).words;
  if (program !== place.program)
    return bad(`${one.name} runs ${program}, not ${place.program}`, place.install);
  if (!state.running)
    return bad(`${one.name} does not run (${state.detail}). Why: ${one.why}`, `${place.command} restart`);
  if (!state.enabled) return bad(`${one.name} is not started at login`, place.install);
  const pid = state.pid === undefined ? "" : `, process ${state.pid}`;
  const hint = await one.hint();
  return [
    { what, state: "ok", found: `${one.name} runs${pid}` },
    ...(hint === undefined ? [] : [{ what, state: "note", found: hint } as const]),
  ];
}

/** Which program holds the port. */
export const port: Check = {
  what: "port",
  async look({ role, url, config, probe }) {
    const { what } = port;
    if (role === "client" || !URL.canParse(url)) return undefined;
    const { host, port: number } = new URL(url);
    const holder = await listenerAt(Number(number || 80), config);
    const { kind } = await probe();
    const isBus = kind === "bus" || kind === "unauthorized";
    if (holder === undefined && kind === "nobody")
      return { what, state: "note", found: `nobody listens at ${host}` };
    const name = holder === undefined ? "another user's program" : `${holder.name}, process ${holder.pid}`;
    return {
      what,
      state: isBus ? "ok" : "note",
      found: `${host} is held by ${isBus ? "the bus: " : ""}${name}`,
    };
  },
};
