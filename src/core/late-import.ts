/**
 * A module that is loaded when it is first used, so that importing this package is fast. If loading fails,
 * for example for lack of file descriptors, the next call tries again.
 *
 * @param load - imports the module
 */
export function lateImport<Module>(load: () => Promise<Module>): () => Promise<Module> {
  let loading: Promise<Module> | undefined;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}
