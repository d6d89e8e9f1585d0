/**
 * One run for all who ask while it is under way. Each may leave on its own; when the last one does, the run is told to
 * end.
 */
export class SharedFlight<T> {
  readonly #run: (signal: AbortSignal) => Promise<T>;
  #current:
    | { readonly promise: Promise<T>; readonly controller: AbortController; waiting: number }
    | undefined;

  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#run = run;
  }

  /** Joins the run under way, or starts one. Rejects with the signal's reason if that comes first. */
  async join(signal: AbortSignal | undefined): Promise<T> {
    const flight = this.#current ?? this.#start();
    flight.waiting++;
    try {
      return await raceWithSignal(flight.promise, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0) this.#end(flight);
    }
  }

  #start() {
    const controller = new AbortController();
    const promise = this.#run(controller.signal);
    const flight = { promise, controller, waiting: 0 };
    this.#current = flight;
    const clear = (): void => {
      if (this.#current === flight) this.#current = undefined;
    };
    promise.then(clear, clear);
    return flight;
  }

  #end(flight: { readonly controller: AbortController }): void {
    if (this.#current !== flight) return;
    this.#current = undefined;
    flight.controller.abort();
  }
}

function raceWithSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
