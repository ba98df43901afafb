import { type Arrival, PROOFS, type Proof, type Source } from "../domain/source.ts";
import { hmac, isSameText } from "../lib/hmac.ts";

/** A signature with a time is taken for this time (ms). An earlier arrival could be sent again by a listener. */
const REPLAY_MS = 5 * 60_000;

/** Stands for a source that there is not, and for a secret that a source has not. Nobody knows it. */
const NOBODYS = `whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`;

export interface Asked {
  /** Undefined if no source has the name. */
  source: Source | undefined;
  arrival: Arrival;
  /** The caller may publish by itself. */
  mayPublish: boolean;
  /** Wall clock (ms). */
  now: number;
}

/**
 * True if an arrival is its source's. Each answer costs the same: all kinds of proof are computed, for each of two secrets, whatever
 * the source is.
 */
export async function isProved({ source, arrival, mayPublish, now }: Asked, hash = hmac): Promise<boolean> {
  const { body, id = "", timestamp = "", signature = "", token = "" } = arrival;
  const old = source !== undefined && now < source.secret_old_until ? source.secret_old : null;
  const proved: Record<Proof, boolean> = { body: false, token: false, standard: false, none: mayPublish };
  const isFresh = /^\d{1,12}$/.test(timestamp) && Math.abs(now - Number(timestamp) * 1000) <= REPLAY_MS;
  const signatures = signature.split(" ", 5);
  for (const secret of [source?.secret ?? NOBODYS, old ?? NOBODYS]) {
    const ofBody = `sha256=${hexOf(await hash(encoder.encode(secret), body))}`;
    const ofAll = `v1,${base64Of(await hash(keyOf(secret), `${id}.${timestamp}.${body}`))}`;
    // Their digests are compared, which have one length.
    const [sent, kept] = [await hash(KEY, token), await hash(KEY, secret)];
    if (isSameText(ofBody, signature.toLowerCase())) proved.body = true;
    if (signatures.filter((one) => isSameText(ofAll, one)).length > 0 && isFresh && id !== "")
      proved.standard = true;
    if (isSameText(hexOf(sent), hexOf(kept))) proved.token = true;
  }
  return source !== undefined && proved[proofOf(source)];
}

/** How a source proves itself. */
export function proofOf({ kind, secret }: Source): Proof {
  return secret === null ? "none" : PROOFS[kind];
}

/** A digest of a body that cannot prove anything. */
export async function digestOf(body: string): Promise<string> {
  return hexOf(await hmac(KEY, body));
}

const encoder = new TextEncoder();
const KEY = encoder.encode("arrival");
const WEBHOOK_SECRET = "whsec_";

// Standard Webhooks: `whsec_` marks a base64 key. Any other secret is its own bytes. Both are made, at the same cost.
function keyOf(secret: string): Uint8Array {
  const [decoded, own] = [Buffer.from(secret.slice(WEBHOOK_SECRET.length), "base64"), encoder.encode(secret)];
  return secret.startsWith(WEBHOOK_SECRET) ? decoded : own;
}

function hexOf(digest: Uint8Array): string {
  return Buffer.from(digest).toString("hex");
}

function base64Of(digest: Uint8Array): string {
  return Buffer.from(digest).toString("base64");
}
