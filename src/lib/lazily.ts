/** Loads at the first use, once. Uses keep their order, and later ones wait for nothing. */
export function lazily<T>(load: () => Promise<T>): <R>(use: (loaded: T) => Promise<R>) => Promise<R> {
  let loaded: T | undefined;
  let loading: Promise<T> | undefined;
  return (use) => {
    if (loaded !== undefined) return use(loaded);
    loading ??= load().then((found) => {
      loaded = found;
      return found;
    });
    return loading.then(use);
  };
}
