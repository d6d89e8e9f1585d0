import { raceWithSignal } from "../host/race-with-signal.ts";

/**
 * One run for all who ask while it is under way. Each may leave on its own; when the last one does, the run
 * is told to end.
 */
export class SharedFlight<T> {
  readonly #run: (signal: AbortSignal) => Promise<T>;
  #current: Flight<T> | undefined;

  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#run = run;
  }

  /**
   * Joins the run under way, or starts one. Rejects with the signal's reason if that comes first.
   *
   * @param fresh - whether the run must have started for one who asked so, too; an older run goes on for
   * those it has
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

  /** Ends the run under way, whoever waits for it. */
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
