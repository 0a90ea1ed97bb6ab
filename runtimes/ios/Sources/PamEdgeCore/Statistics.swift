/// Statistics of timings.
public enum Statistics {
  /// Returns the middle value, or the mean of the two in the middle; nil of nothing.
  public static func median(_ values: [Double]) -> Double? { quantile(values, 0.5) }

  /// Returns the value that nine in ten do not exceed; nil of nothing.
  public static func p90(_ values: [Double]) -> Double? { quantile(values, 0.9) }

  /// Linear between ranks.
  private static func quantile(_ values: [Double], _ share: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let rank = share * Double(sorted.count - 1)
    let below = Int(rank.rounded(.down))
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (sorted[above] - sorted[below]) * (rank - Double(below))
  }
}
