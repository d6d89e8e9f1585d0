import { performance } from "node:perf_hooks";

/** Times of one kind of input at growing sizes. */
export interface Growth {
  readonly name: string;
  /** Size of the input in bytes, and the fastest of several runs in milliseconds. */
  readonly points: readonly { readonly bytes: number; readonly ms: number }[];
  /** The exponent of the power law that fits the points best: 1 is linear, 2 is quadratic. */
  readonly exponent: number;
}

/** Measures how the time of a task grows with the size of its input. */
export function measureGrowth(
  name: string,
  inputs: readonly string[],
  task: (input: string) => void,
  runs: number,
): Growth {
  const points = inputs.map((input) => {
    const times = Array.from({ length: runs }, () => {
      const start = performance.now();
      task(input);
      return performance.now() - start;
    });
    return { bytes: Buffer.byteLength(input), ms: Math.min(...times) };
  });
  return { name, points, exponent: fitExponent(points) };
}

/** The slope of the line of least squares through the logarithms. */
function fitExponent(points: Growth["points"]): number {
  const logs = points.map(({ bytes, ms }) => ({ x: Math.log(bytes), y: Math.log(ms) }));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(logs.map((point) => point.x)), mean(logs.map((point) => point.y))];
  const covariance = mean(logs.map((point) => (point.x - x) * (point.y - y)));
  const variance = mean(logs.map((point) => (point.x - x) ** 2));
  return covariance / variance;
}
