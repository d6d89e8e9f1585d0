/**
 * A package that is loaded when it is first used, so that importing this one is fast. Unlike `import()` it is
 * synchronous. It is resolved among the installed packages, so a bundled server must leave this package out
 * of the bundle.
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
