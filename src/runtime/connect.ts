/**
 * The error of a TCP connection attempt of at most `ms`. Undefined if it succeeds. The connection is closed at once, and
 * nothing is sent on it.
 */
export function connectionError(hostname: string, port: number, ms: number): Promise<unknown> {
  return Promise.race([
    process.versions.bun === undefined ? byNode(hostname, port) : byBun(hostname, port),
    new Promise((resolve) => setTimeout(resolve, ms, new Error(`no answer within ${ms} ms`))),
  ]);
}

let isTrusted = false;

/** Lets certificates of the system's store count on Node 22.19 and later. The executable has it from its build. */
export function trustSystemStore(): void {
  if (process.versions.bun !== undefined || isTrusted) return;
  isTrusted = true;
  const tls: Partial<Stores> = process.getBuiltinModule("node:tls");
  if (tls.getCACertificates === undefined) return;
  tls.setDefaultCACertificates?.([...tls.getCACertificates("default"), ...tls.getCACertificates("system")]);
}

interface Stores {
  getCACertificates(store: "default" | "system"): string[];
  setDefaultCACertificates(certificates: string[]): void;
}

// Loading node:net costs a command more than half of its page faults.
async function byBun(hostname: string, port: number): Promise<unknown> {
  try {
    const socket = await Bun.connect({ hostname, port, socket: { data() {} } });
    socket.terminate();
    return undefined;
  } catch (error) {
    return error;
  }
}

function byNode(host: string, port: number): Promise<unknown> {
  const socket = process.getBuiltinModule("node:net").connect({ host, port });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(undefined));
    socket.once("error", resolve);
  }).finally(() => socket.destroy());
}
