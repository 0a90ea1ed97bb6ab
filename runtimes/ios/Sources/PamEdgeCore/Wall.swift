/// Wall clock, in milliseconds since some moment; tests have another.
public typealias MillisecondClock = @Sendable () -> Double

enum Wall {
  private static let start = ContinuousClock.now

  static let clock: MillisecondClock = {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) * 1e3 + Double(attoseconds) * 1e-15
  }
}
