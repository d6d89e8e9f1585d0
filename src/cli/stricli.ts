// The one door to the parser of the command line.
export {
  type Application,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type CommandContext,
  ExitCode,
  proposeCompletions,
  run,
} from "@stricli/core";
