import { createHMAC, createSHA256 } from "hash-wasm";

const encoder = new TextEncoder();

let made: ReturnType<typeof createSHA256> | undefined;

/** One for all signatures: to make one takes 2 to 7 ms. */
function sha256(): ReturnType<typeof createSHA256> {
  made ??= createSHA256().catch((error) => {
    made = undefined;
    throw error;
  });
  return made;
}

async function hmac(key: Uint8Array, data: string, format: "hex" | "binary"): Promise<string | Uint8Array> {
  const mac = await createHMAC(sha256(), key);
  // Signatures that are made at the same time share its state, so nothing may come in between here.
  mac.init().update(data);
  return format === "hex" ? mac.digest("hex") : mac.digest("binary");
}

/** The original's signature of a delivery: `sha256=` and the hex HMAC-SHA256 of the body. */
export async function signBody(secret: string, body: string): Promise<string> {
  return `sha256=${await hmac(encoder.encode(secret), body, "hex")}`;
}

/** The Standard Webhooks signature: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`. */
export async function signDelivery(
  secret: string,
  id: string,
  timestamp: number,
  body: string,
): Promise<string> {
  const digest = await hmac(signingKey(secret), `${id}.${timestamp}.${body}`, "binary");
  return `v1,${Buffer.from(digest as Uint8Array).toString("base64")}`;
}

// Standard Webhooks: `whsec_` marks a base64 key; any other secret is its own bytes.
function signingKey(secret: string): Uint8Array {
  return secret.startsWith("whsec_")
    ? Buffer.from(secret.slice("whsec_".length), "base64")
    : encoder.encode(secret);
}
