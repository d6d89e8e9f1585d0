/** Creates a parser of integers within limits. */
export function toInteger(least: number, most: number) {
  return (given: string): number => {
    const value = Number(given);
    if (/^\d+$/u.test(given) && value >= least && value <= most) return value;
    throw new SyntaxError(`it is an integer from ${least} to ${most}`);
  };
}
