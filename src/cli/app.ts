import type { CliContext } from "./cli-context.ts";
import { CONFIG_ROUTES } from "./config-routes.ts";
import { LEDGER_ROUTES } from "./ledger-routes.ts";
import { PUSH_ROUTES } from "./push-routes.ts";
import { type Application, buildApplication, buildRouteMap } from "./stricli.ts";

/** Creates the command line. @param readVersion - reads the version of the package when needed */
export function createApp(readVersion: () => Promise<string>): Application<CliContext> {
  const routes = buildRouteMap({
    routes: { ...CONFIG_ROUTES, ...PUSH_ROUTES, ...LEDGER_ROUTES },
    docs: {
      brief: "Push Nix build outputs to binary caches: check, explain, push, and run a worker",
      fullDescription: [
        "Reads the server's configuration (--config, $EKA_CI_CONFIG_FILE, or ~/.config/ekaci/ekaci.toml).",
        "",
        "  eka-caches check                                   is the file valid, and would its caches work?",
        "  eka-caches explain --cache production --repo o/r --branch main",
        "",
        "Exit codes: 0 success, 1 a file has a problem, 2 usage, 3 denied by policy, 4 a push failed, 5 a service is away.",
      ].join("\n"),
    },
  });
  return buildApplication(routes, {
    name: "eka-caches",
    versionInfo: { getCurrentVersion: readVersion },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: { useAliasInUsageLine: false, caseStyle: "convert-camel-to-kebab" },
  });
}
