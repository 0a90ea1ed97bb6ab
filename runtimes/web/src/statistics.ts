/** Numbers that say something of many. */

/** Return the value below which a share of the values lies, linear between ranks; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const [low, high] = [Math.floor(rank), Math.ceil(rank)];
  return sorted[low] + (sorted[high] - sorted[low]) * (rank - low);
}

/** Return the median; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
