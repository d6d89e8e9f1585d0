import type { Runtime } from "../host/runtime.ts";
import { sleep } from "../host/sleep.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import type { PostgresClient } from "./postgres-pool.ts";

/** What a listener needs. */
export interface ChangeListenerOptions {
  readonly connection: PostgresConnection;
  readonly runtime: Runtime;
  /** Name of the channel, which needs no escaping. */
  readonly channel: string;
  /** Called when something may have changed. */
  readonly onChange: () => void;
}

/** How often to poll for changes if the server does not notify. */
const POLL_MS = 500;
/** How long the server may take to show that it notifies. */
const PROOF_MS = 3_000;
/** Pause before a lost connection is opened again. */
const RECONNECT_MS = 250;
/** How often a silent connection is checked. */
const HEARTBEAT_MS = 15_000;

/**
 * Listens for changes by other hosts. One loop holds at most one connection. It listens, verifies that
 * notifications arrive, and starts anew when the connection is lost. A pooler in transaction mode accepts
 * LISTEN and never notifies, so without that proof it polls.
 */
export class ChangeListener {
  readonly #options: ChangeListenerOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #isNotified = false;
  #hasWarned = false;

  constructor(options: ChangeListenerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Whether the server notifies, as far as known. */
  get isNotified(): boolean {
    return this.#isNotified;
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const polling = this.#poll();
    while (!signal.aborted) {
      await this.#listen().catch(() => undefined);
      this.#isNotified = false;
      await this.#rest(RECONNECT_MS);
    }
    await polling;
  }

  /** Polls for changes while there are no notifications. */
  async #poll(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#rest(POLL_MS);
      if (!this.#isNotified && !this.#closing.signal.aborted) this.#options.onChange();
    }
  }

  /** Listens with one connection until it is lost. */
  async #listen(): Promise<void> {
    const { connection, channel, onChange } = this.#options;
    const client = await connection.take(this.#closing.signal);
    const lost = new AbortController();
    const lose = (): void => lost.abort();
    const onNotification = (): void => {
      this.#isNotified = true;
      onChange();
    };
    client.on("notification", onNotification);
    client.on("error", lose);
    client.on("end", lose);
    const ended = AbortSignal.any([lost.signal, this.#closing.signal]);
    try {
      await connection.ask(client, `LISTEN "${channel}"`, ended);
      await this.#prove(client, ended);
      // Changes between two connections were not notified.
      onChange();
      await this.#keep(client, ended);
    } finally {
      client.removeListener("notification", onNotification);
      // It listens, so nothing else can use it.
      client.release(true);
    }
  }

  /** Sends a notification on another connection, and waits for it. */
  async #prove(client: PostgresClient, ended: AbortSignal): Promise<void> {
    const { connection, channel, runtime } = this.#options;
    const seen = new AbortController();
    const see = (): void => seen.abort();
    client.on("notification", see);
    try {
      await connection.query("SELECT pg_notify($1, '')", channel);
      await sleep(PROOF_MS, AbortSignal.any([seen.signal, ended]), runtime.clock);
    } finally {
      client.removeListener("notification", see);
    }
    if (seen.signal.aborted || ended.aborted || this.#hasWarned) return;
    this.#hasWarned = true;
    const hint = "connect to the server itself, not to a pooler in transaction mode, to be told at once";
    runtime.warn(
      `The journal at ${connection.server} does not tell of changes, so they are looked for; ${hint}`,
    );
  }

  /** Checks a silent connection from time to time, because a cut network is silent. */
  async #keep(client: PostgresClient, ended: AbortSignal): Promise<void> {
    const { connection, runtime } = this.#options;
    while (!ended.aborted) {
      await sleep(HEARTBEAT_MS, ended, runtime.clock);
      if (!ended.aborted) await connection.ask(client, "SELECT 1", ended);
    }
  }

  #rest(delayMs: number): Promise<void> {
    return sleep(delayMs, this.#closing.signal, this.#options.runtime.clock);
  }
}
