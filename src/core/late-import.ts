/**
 * A module that is loaded when it is first used, so that importing this package costs little. What failed, as
 * for want of file descriptors, is tried again.
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
