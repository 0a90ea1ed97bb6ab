/// How far what was computed is from what is expected, judged as matting is judged.
public struct Deviation: Equatable, Sendable {
  /// Largest absolute difference in the picture; not a number if a value is none.
  public let maxAbs: Double
  /// Root mean square of the difference over the unknown region.
  public let rms: Double

  /// Compares an alpha with what is expected, given the trimap.
  ///
  /// - Throws: ``PamEdgeError`` of kind usage if sizes differ or the trimap has no unknown pixel: an empty region has
  ///   no error.
  public init(_ found: Alpha, expected: Alpha, trimap: Greys) throws {
    guard (found.height, found.width) == (expected.height, expected.width) else {
      throw PamEdgeError(
        .usage, "Expected an alpha of \(expected.height)x\(expected.width); got \(found.height)x\(found.width).")
    }
    try self.init(zip(found.values, expected.values).map { abs(Double($0) - Double($1)) }, trimap)
  }

  /// Compares alpha * foreground, 0 to 1 in each channel.
  ///
  /// - Parameters:
  ///   - found: alpha, and straight colours 0 to 255, three values a pixel.
  ///   - expected: likewise.
  /// - Throws: as the other.
  public init(
    colours found: (alpha: Alpha, foreground: [Float]), expected: (alpha: Alpha, foreground: [Float]), trimap: Greys
  ) throws {
    let count = expected.alpha.values.count
    guard found.alpha.values.count == count, found.foreground.count == 3 * count, expected.foreground.count == 3 * count
    else {
      throw PamEdgeError(.usage, "Expected three colours for each of \(count) pixels; got \(found.foreground.count).")
    }
    func colour(_ cutOut: (alpha: Alpha, foreground: [Float]), _ pixel: Int, _ channel: Int) -> Double {
      Double(cutOut.alpha.values[pixel]) * (Double(cutOut.foreground[3 * pixel + channel]) / 255)
    }
    let differences = (0..<count).map { pixel in
      (0..<3).map { abs(colour(found, pixel, $0) - colour(expected, pixel, $0)) }.reduce(0, Self.larger)
    }
    try self.init(differences, trimap)
  }

  private init(_ differences: [Double], _ trimap: Greys) throws {
    guard differences.count == trimap.values.count else {
      throw PamEdgeError(.usage, "Expected a trimap of \(differences.count) pixels; got \(trimap.values.count).")
    }
    let isUnknown = trimap.values.map { $0 >= Bands.unknownFrom && $0 < Bands.foregroundFrom }
    let inside = zip(differences, isUnknown).filter(\.1).map(\.0)
    guard !inside.isEmpty else {
      throw PamEdgeError(.usage, "The trimap has no unknown pixel, so there is nothing to judge. Use another picture.")
    }
    maxAbs = differences.reduce(0, Self.larger)
    rms = (inside.reduce(0) { $0 + $1 * $1 } / Double(inside.count)).squareRoot()
  }

  /// What is not a number stays so, which `max` does not promise.
  private static func larger(_ one: Double, _ other: Double) -> Double {
    one.isNaN || other.isNaN ? .nan : max(one, other)
  }

  /// Whether both errors pass; what is not a number does not.
  public func isWithin(_ limits: Limits) -> Bool {
    maxAbs <= limits.maxAbs && rms <= limits.rms
  }
}

/// Largest deviations that pass, of alpha and of alpha * foreground.
public struct Limits: Equatable, Sendable {
  public let maxAbs: Double
  public let rms: Double
  /// Difference of a gate's logits under which another rounding may choose otherwise.
  public let gateMargin: Double

  /// The limits for a precision.
  public static func of(_ precision: Manifest.Precision) -> Limits {
    switch precision {
    case .fp32: Limits(maxAbs: 1e-4, rms: 1e-5, gateMargin: 1e-4)
    case .fp16, .w8, .w6: Limits(maxAbs: 0.03, rms: 0.004, gateMargin: 0.05)
    case .int8: Limits(maxAbs: 0.5, rms: 0.06, gateMargin: 0.2)
    }
  }
}

/// Paths of graphs that choose.
public enum Paths {
  /// Returns whether an undecided gate explains that another path was taken.
  ///
  /// - Parameters:
  ///   - found: that was taken, one 0 or 1 for each block.
  ///   - expected: that should be.
  ///   - margins: by how much each gate prefers to run; nil where the governor left it no choice.
  ///   - noise: largest margin that another arithmetic can turn.
  public static func isTie(_ found: String, expected: String, margins: [Double?], noise: Double) -> Bool {
    guard let first = zip(found, expected).enumerated().first(where: { $1.0 != $1.1 })?.offset,
      first < margins.count, let margin = margins[first]
    else { return false }
    return abs(margin) <= noise
  }

  /// Returns the text of a path that a graph gave; nil if it holds anything but 0 and 1.
  static func text(_ values: [Float]) -> String? {
    guard values.allSatisfy({ $0 == 0 || $0 == 1 }) else { return nil }
    return values.map { $0 == 1 ? "1" : "0" }.joined()
  }
}
