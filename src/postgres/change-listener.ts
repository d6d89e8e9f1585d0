import type { Runtime } from "../host/runtime.ts";
import { sleep } from "../host/sleep.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import type { PostgresClient } from "./postgres-pool.ts";

/** What a listener works with. */
export interface ChangeListenerOptions {
  readonly connection: PostgresConnection;
  readonly runtime: Runtime;
  /** Name of the channel, which needs no escaping. */
  readonly channel: string;
  /** Called when something may have changed. */
  readonly onChange: () => void;
}

/** How often changes are looked for where the server does not tell of them. */
const POLL_MS = 500;
/** How long the server has to show that it tells of changes. */
const PROOF_MS = 3_000;
/** Rest before a lost connection is made anew. */
const RECONNECT_MS = 250;
/** How often a connection that is silent is asked whether it is still there. */
const HEARTBEAT_MS = 15_000;

/**
 * Listens for changes that other hosts make. One loop holds at most one connection: it listens, proves that
 * notifications come, and begins anew when the connection is lost. A pooler that hands connections on after
 * each transaction takes a LISTEN and never tells anything, so without the proof changes are looked for from
 * time to time.
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

  /** Whether the server tells of changes, as far as is known. */
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

  /** Looks for changes as long as nobody tells of them. */
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
      // What came between two connections was told to nobody.
      onChange();
      await this.#keep(client, ended);
    } finally {
      client.removeListener("notification", onNotification);
      // It listens, so nobody else can use it.
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

  /** Asks a silent connection from time to time: a network that is cut says nothing. */
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
