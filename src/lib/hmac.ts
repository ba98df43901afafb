import { createHMAC, createSHA256 } from "hash-wasm";

let made: ReturnType<typeof createSHA256> | undefined;

/** Hot path: one hash for all signatures. Making one takes 2 to 7 ms. */
function sha256(): ReturnType<typeof createSHA256> {
  made ??= createSHA256().catch((error) => {
    made = undefined;
    throw error;
  });
  return made;
}

/** HMAC-SHA256 (32 bytes). */
export async function hmac(key: Uint8Array, data: string): Promise<Uint8Array> {
  const mac = await createHMAC(sha256(), key);
  // Concurrent signatures share the state of the hash: nothing may be awaited from here on.
  return mac.init().update(data).digest("binary");
}

/** Compares two texts of one length without telling where they differ. */
export function isSameText(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
