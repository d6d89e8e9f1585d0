// The one door to the parser of the command line.
export {
  type Application,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type CommandContext,
  proposeCompletions,
  run,
} from "@stricli/core";
