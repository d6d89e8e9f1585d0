/**
 * Verifies and reads events of forges: what was pushed where, in the form of a push request.
 *
 * @packageDocumentation
 */
export { ForgeError } from "../core/errors.ts";
export type { Forge, ForgeEvent, ForgeEventInput, ForgeEventKind } from "./forge-event.ts";
export { readForgeEvent } from "./read-forge-event.ts";
