/// The fallback ladder: which compute unit an app uses, from what the golden vectors gave on each of them.
///
/// The last unit is the CPU, the measure of all others: a unit that cannot load the file, computes something else, or is
/// slower than the CPU is stepped over, and the app is told why. Where no unit is right, nothing is cut out.
public enum Ladder {
  /// Why a unit is stepped over.
  public enum Fault: String, Codable, Sendable {
    case cannotLoad = "cannot load"
    case wrong = "wrong"
    case slower = "slower than the CPU"
  }

  /// What the self-test found on one compute unit.
  public struct Trial: Equatable, Codable, Sendable {
    public let unit: String
    /// What loading or running said; nil if it ran.
    public let error: String?
    /// Whether all golden vectors passed; nil if it did not run.
    public let isRight: Bool?
    /// Median of the warm calls; nil if it did not run.
    public let latencyMs: Double?

    public init(unit: String, error: String?, isRight: Bool?, latencyMs: Double?) {
      self.unit = unit
      self.error = error
      self.isRight = isRight
      self.latencyMs = latencyMs
    }
  }

  /// A unit that is stepped over, and why.
  public struct Step: Equatable, Codable, Sendable {
    public let unit: String
    public let fault: Fault

    public init(unit: String, fault: Fault) {
      self.unit = unit
      self.fault = fault
    }
  }

  /// What the self-test says.
  public struct Verdict: Equatable, Codable, Sendable {
    /// To use; nil if no unit is right.
    public let unit: String?
    /// The units before it that are not used, in order; all of them if none is right.
    public let steps: [Step]

    public init(unit: String?, steps: [Step]) {
      self.unit = unit
      self.steps = steps
    }
  }

  /// Returns the unit to use, of trials in order of preference, the CPU last.
  public static func decide(_ trials: [Trial]) -> Verdict {
    let limitMs = trials.last.flatMap { $0.isRight == true ? $0.latencyMs : nil }
    var steps: [Step] = []
    for (index, trial) in trials.enumerated() {
      guard let fault = fault(of: trial, limitMs: index == trials.count - 1 ? nil : limitMs) else {
        return Verdict(unit: trial.unit, steps: steps)
      }
      steps.append(Step(unit: trial.unit, fault: fault))
    }
    return Verdict(unit: nil, steps: steps)
  }

  private static func fault(of trial: Trial, limitMs: Double?) -> Fault? {
    guard trial.error == nil, let isRight = trial.isRight, let latencyMs = trial.latencyMs else { return .cannotLoad }
    guard isRight else { return .wrong }
    return limitMs.map { latencyMs > $0 } == true ? .slower : nil
  }

  /// Returns what a verdict is remembered under: another device, system, runtime or model must be tried anew.
  ///
  /// - Parameters:
  ///   - device: such as `iPhone14,5`.
  ///   - system: with its build, such as `iOS 26.1 (23B85)`.
  ///   - runtime: with its version, such as `Core ML 26.1`.
  ///   - modelSHA256: of the artifact's files, in the order of its entry points.
  public static func verdictKey(device: String, system: String, runtime: String, modelSHA256: [String]) -> String {
    var hashes: [String] = []
    for hash in modelSHA256 where !hashes.contains(hash) { hashes.append(hash) }
    return ([device, system, runtime] + hashes).joined(separator: "|")
  }
}
