const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Calls a function when the user or the system ends this program. Returns the function that takes this back. */
export function onInterrupt(act: () => void): () => void {
  for (const signal of SIGNALS) process.once(signal, act);
  return () => {
    for (const signal of SIGNALS) process.off(signal, act);
  };
}
