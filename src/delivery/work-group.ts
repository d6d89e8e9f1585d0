import type { DeliveryTask } from "./delivery-task.ts";

/** A group that is tried once more in halves, to find out whether the server refuses one path or all. */
export interface Probe {
  /**
   * When it was made, in the clock's monotonic milliseconds: what was pushed since shows that the server
   * takes some.
   */
  readonly since: number;
  /** How often it was tried. */
  readonly tries: number;
}

/** Paths that go in one attempt, each with the deliveries that ask for it. */
export class WorkGroup {
  readonly #owners: ReadonlyMap<string, readonly DeliveryTask[]>;
  /** Attempts in a row without progress. */
  readonly attempts: number;
  /** When it may be tried, in the clock's monotonic milliseconds. */
  readonly readyAt: number;
  readonly probe: Probe | undefined;

  private constructor(
    owners: ReadonlyMap<string, readonly DeliveryTask[]>,
    attempts: number,
    readyAt: number,
    probe?: Probe,
  ) {
    this.#owners = owners;
    this.attempts = attempts;
    this.readyAt = readyAt;
    this.probe = probe;
  }

  /** Gathers the remaining paths of deliveries; a path that several ask for goes once. */
  static of(tasks: readonly DeliveryTask[], readyAt: number): WorkGroup {
    const owners = new Map<string, DeliveryTask[]>();
    for (const task of tasks) {
      for (const path of task.remaining) {
        const known = owners.get(path);
        if (known === undefined) owners.set(path, [task]);
        else known.push(task);
      }
    }
    return new WorkGroup(owners, 0, readyAt);
  }

  /** How many paths it has. */
  get size(): number {
    return this.#owners.size;
  }

  /** Its paths. */
  get paths(): readonly string[] {
    return [...this.#owners.keys()];
  }

  /** The deliveries, each with those of its paths that go here. */
  get parts(): ReadonlyMap<DeliveryTask, readonly string[]> {
    const parts = new Map<DeliveryTask, string[]>();
    for (const [path, owners] of this.#owners) {
      for (const task of owners) {
        const known = parts.get(task);
        if (known === undefined) parts.set(task, [path]);
        else known.push(path);
      }
    }
    return parts;
  }

  /** The deliveries that ask for a path. */
  ownersOf(path: string): readonly DeliveryTask[] {
    return this.#owners.get(path) ?? [];
  }

  /** Some of its paths, for another attempt; deliveries that no longer wait for one are left out. */
  only(paths: readonly string[], attempts: number, readyAt: number, probe = this.probe): WorkGroup {
    const owners = paths.map(
      (path) => [path, this.ownersOf(path).filter((task) => task.remaining.has(path))] as const,
    );
    return new WorkGroup(new Map(owners.filter(([, tasks]) => tasks.length > 0)), attempts, readyAt, probe);
  }

  /** Both halves, which find a path that spoils the others in as few attempts as possible. */
  halves(attempts: number, readyAt: number, probe = this.probe): readonly WorkGroup[] {
    const { paths } = this;
    const middle = Math.ceil(paths.length / 2);
    return [paths.slice(0, middle), paths.slice(middle)]
      .map((half) => this.only(half, attempts, readyAt, probe))
      .filter(({ size }) => size > 0);
  }
}
