import { raceWithSignal } from "../host/race-with-signal.ts";

/**
 * One run, shared by all who ask while it is running. Each caller may leave; when the last one does, the run
 * is aborted.
 */
export class SharedFlight<T> {
  readonly #run: (signal: AbortSignal) => Promise<T>;
  #current: Flight<T> | undefined;

  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#run = run;
  }

  /**
   * Joins the running run, or starts one. Rejects with the signal's reason if that comes first.
   *
   * @param fresh - whether to join only a run that was started as fresh; an older run goes on for its callers
   */
  async join(signal: AbortSignal | undefined, fresh = false): Promise<T> {
    const current = this.#current;
    const flight = current === undefined || (fresh && !current.fresh) ? this.#start(fresh) : current;
    flight.waiting++;
    try {
      return await raceWithSignal(flight.promise, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) this.#end(flight);
    }
  }

  /** Aborts the run, whoever waits for it. */
  abort(reason: unknown): void {
    this.#current?.controller.abort(reason);
  }

  #start(fresh: boolean): Flight<T> {
    const controller = new AbortController();
    const promise = this.#run(controller.signal);
    const flight: Flight<T> = { promise, controller, fresh, waiting: 0 };
    this.#current = flight;
    const clear = (): void => {
      if (this.#current === flight) this.#current = undefined;
    };
    promise.then(clear, clear);
    return flight;
  }

  #end(flight: Flight<T>): void {
    if (this.#current === flight) this.#current = undefined;
    flight.controller.abort();
  }
}

interface Flight<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  readonly fresh: boolean;
  waiting: number;
}
