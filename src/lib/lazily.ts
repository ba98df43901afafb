/** Loads a function at its first call, once. Calls keep their order, and later ones wait for nothing. */
export function lazily<A extends unknown[], R>(
  load: () => Promise<(...args: A) => Promise<R>>,
): (...args: A) => Promise<R> {
  let loaded: ((...args: A) => Promise<R>) | undefined;
  let loading: ReturnType<typeof load> | undefined;
  const first = async (args: A) => {
    loading ??= load();
    loaded = await loading;
    return loaded(...args);
  };
  return (...args) => (loaded === undefined ? first(args) : loaded(...args));
}
