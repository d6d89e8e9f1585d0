/**
 * A package that is loaded when it is first used, so that importing this one costs little. Unlike `import()`
 * it is there at once, for functions that are synchronous. It is looked up among the installed packages:
 * whoever bundles a server leaves this package out of the bundle.
 *
 * @param name - a package that can be required
 */
export function lateModule<Module>(name: string): () => Module {
  let module: Module | undefined;
  return () => {
    module ??= load<Module>(name);
    return module;
  };
}

function load<Module>(name: string): Module {
  try {
    return process.getBuiltinModule("node:module").createRequire(import.meta.url)(name) as Module;
  } catch {
    const hint = "install it, and leave @eka-ci/caches out of a bundle (`external`)";
    throw new Error(`The package ${name} is not beside @eka-ci/caches; ${hint}`);
  }
}
