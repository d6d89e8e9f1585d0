import { isObject } from "../core/own-member.ts";
import type { Forge, ForgeEventInput } from "./forge-event.ts";

/**
 * The headers of a request, by names in any case. A duplicate header counts as missing; otherwise its sender
 * could choose which one is read.
 */
export class ForgeHeaders {
  readonly #values = new Map<string, string | undefined>();

  constructor(headers: ForgeEventInput["headers"]) {
    if (!isObject(headers)) return;
    const entries = headers instanceof Headers ? [...headers.entries()] : Object.entries(headers);
    for (const [name, value] of entries) {
      const key = name.toLowerCase();
      const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
      const isKnown = this.#values.has(key);
      this.#values.set(key, typeof single === "string" && !isKnown ? single : undefined);
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
}

/** How each forge names its headers. */
export interface ForgeNames {
  readonly forge: Forge;
  /** The header with the kind of the event, which also identifies the forge. */
  readonly event: string;
  /** The header with the id of the delivery. */
  readonly delivery: string;
}

// Forgejo also sends Gitea's headers, and both also send those of GitHub, so the most specific one comes
// first.
const NAMES: readonly ForgeNames[] = [
  { forge: "forgejo", event: "x-forgejo-event", delivery: "x-forgejo-delivery" },
  { forge: "gitea", event: "x-gitea-event", delivery: "x-gitea-delivery" },
  { forge: "gitlab", event: "x-gitlab-event", delivery: "idempotency-key" },
  { forge: "github", event: "x-github-event", delivery: "x-github-delivery" },
];

/**
 * The forge that sent a request; nothing if it is not known, or not the expected one.
 */
export function findForge(headers: ForgeHeaders, expected: Forge | undefined): ForgeNames | undefined {
  const found = NAMES.find(({ event }) => headers.has(event));
  return expected === undefined || found?.forge === expected ? found : undefined;
}
