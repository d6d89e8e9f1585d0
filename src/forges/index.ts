/**
 * Events of forges, verified and read: what was pushed where, in the words of a request for a push.
 *
 * @packageDocumentation
 */
export { ForgeError } from "../core/errors.ts";
export type { Forge, ForgeEvent, ForgeEventInput, ForgeEventKind } from "./forge-event.ts";
export { readForgeEvent } from "./read-forge-event.ts";
