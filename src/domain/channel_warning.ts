import { editDistance } from "../lib/edit_distance.ts";
import { composed, formsOf } from "../lib/unicode_form.ts";
import type { Bus } from "./context.ts";
import { recipientOf } from "./direct_message.ts";
import { PERSON } from "./event.ts";
import { sharedChannels } from "./session.ts";

const KINDS = ["session", "repo", "machine"];

/** Newest sessions and events from which the bus knows repositories and channels. */
const MOST_SESSIONS = 500;
const MOST_EVENTS = 200;
/** A longer channel is not compared: most of it is data. */
const MOST_CHARACTERS = 64;
const MOST_EDITS = 2;
const MOST_PROPOSED = 3;

/** Says that another channel was probably meant (WIRE.md 2). Undefined for a channel that is complete and in use. */
export async function channelWarning(bus: Bus, channel: string): Promise<string | undefined> {
  const kind = channel.replace(/:$/, "");
  if (KINDS.includes(kind)) return `The channel "${channel}" needs a name. Write ${kind}:{name}.`;
  if (await isUsed(bus, channel)) return undefined;
  const known = await knownChannels(bus);
  if (known.heard.has(channel)) return undefined;
  const meant = proposal(channel, known);
  if (channel.startsWith("repo:")) return `${noRepo(channel)} The event is stored.${meant}`;
  return meant === "" ? undefined : `The channel "${channel}" was not in use.${meant}`;
}

/** Says that a webhook's filter will probably match nothing. Undefined for one that matches something known. */
export async function filterWarning(bus: Bus, filter: string): Promise<string | undefined> {
  if (KINDS.includes(filter))
    return `The filter "${filter}" matches every channel that begins so. Write ${filter}: for all of that kind, or ${filter}:{name} for one.`;
  if (KINDS.includes(filter.replace(/:$/, "")) || (await isUsed(bus, filter))) return undefined;
  const target = recipientOf(filter);
  if (target !== null || filter.startsWith("@")) return recipientWarning(bus, filter, target ?? filter);
  const known = await knownChannels(bus);
  if ([...known.heard, ...known.used].some((channel) => channel.startsWith(filter))) return undefined;
  const meant = proposal(filter, known);
  if (filter.startsWith("repo:")) return `${noRepo(filter)} The webhook waits for its events.${meant}`;
  return meant === "" ? undefined : `The bus knows no channel that begins with "${filter}".${meant}`;
}

/** Proposes other channels in a sentence that begins with a space. Empty if none is near. */
export async function meantInstead(bus: Bus, channel: string): Promise<string> {
  return proposal(channel, await knownChannels(bus));
}

function noRepo(channel: string): string {
  return `The bus knows no session of the repository "${channel.slice("repo:".length)}".`;
}

// Direct messages are stored under the id of their recipient, whatever the sender called it.
async function recipientWarning({ store }: Bus, filter: string, target: string): Promise<string | undefined> {
  if (target === PERSON || (await store.sessions.get(target)) !== undefined) return undefined;
  const name = composed(target.replace(/^@/, ""));
  const [named = await store.sessions.holder(name)] = await store.sessions.namedLike(name);
  if (named === undefined && name === target) return undefined;
  const id = name === PERSON ? PERSON : (named?.session_id ?? "{session_id}");
  return `The channel of a direct message holds the recipient's id, so "${filter}" matches no event. Write session:${id}.`;
}

async function isUsed({ store: { events } }: Bus, channel: string): Promise<boolean> {
  const counts = formsOf(channel).map((form) => events.count(form, 0, Number.MAX_SAFE_INTEGER, 1));
  return (await Promise.all(counts)).some((count) => count > 0);
}

interface Known {
  /** The channels of known sessions, by their names too, and of repositories. */
  heard: ReadonlySet<string>;
  /** The channels of the newest events, typing mistakes included. */
  used: ReadonlySet<string>;
}

async function knownChannels({ store }: Bus): Promise<Known> {
  const sessions = await store.sessions.recent(MOST_SESSIONS);
  const repos = await store.sessions.repos(MOST_SESSIONS);
  const { events } = await store.events.read({ limit: MOST_EVENTS, order: "desc" });
  const heard = new Set([
    "all",
    ...sessions.flatMap(sharedChannels),
    ...sessions.flatMap(({ name, display_id }) => [`session:${name}`, `session:${display_id}`]),
    ...repos.map((repo) => `repo:${repo}`),
  ]);
  const used = events
    .map(({ channel }) => channel)
    .filter((channel) => recipientOf(channel) === null && !channel.endsWith(":"));
  return { heard, used: new Set(used) };
}

function proposal(written: string, { heard, used }: Known): string {
  if (written.length > MOST_CHARACTERS) return "";
  return proposalOf(written, heard) || proposalOf(written, used);
}

function proposalOf(written: string, channels: ReadonlySet<string>): string {
  const near = [...channels]
    .map((channel) => ({ channel, edits: editsBetween(written, channel) }))
    .filter(({ edits }) => edits <= MOST_EDITS)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, MOST_PROPOSED);
  return near.length === 0 ? "" : ` Did you mean ${near.map(({ channel }) => channel).join(" or ")}?`;
}

const FAR = Number.POSITIVE_INFINITY;

/** Edits between two channels. 0 if they differ by case or by a kind that is missing or another one. */
function editsBetween(written: string, known: string): number {
  const [one, other] = [partsOf(written), partsOf(known)];
  if (one.kind === other.kind) return edits(one.name, other.name);
  if (one.name.toLowerCase() !== other.name.toLowerCase()) return FAR;
  if (one.kind !== "" && !KINDS.includes(one.kind)) return edits(one.kind, other.kind);
  return KINDS.includes(other.kind) ? 0 : FAR;
}

function partsOf(channel: string): { kind: string; name: string } {
  const colon = channel.indexOf(":");
  return { kind: channel.slice(0, Math.max(0, colon)), name: channel.slice(colon + 1) };
}

/** Edits between two names, in any case. Numbers differ on purpose, and a short name has no typos. */
function edits(written: string, known: string): number {
  const [a, b] = [written.toLowerCase(), known.toLowerCase()];
  if (a === b) return 0;
  const most = Math.min(MOST_EDITS, Math.floor(a.length / 3), b.length - 1);
  if (Math.abs(a.length - b.length) > most) return FAR;
  if (a.replace(/\d+/g, "") === b.replace(/\d+/g, "")) return FAR;
  const distance = editDistance(a, b, most);
  return distance <= most ? distance : FAR;
}
