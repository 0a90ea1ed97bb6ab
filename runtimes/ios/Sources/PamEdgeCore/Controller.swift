/// How hot a device is, as iOS says it.
public enum Thermal: String, Sendable, Codable {
  case nominal, fair, serious, critical
}

/// What the device says at a call.
public struct Conditions: Equatable, Sendable {
  /// Serious forbids the highest level, critical all but the lowest.
  public var thermal: Thermal
  /// Whether it saves power, which forbids the highest level.
  public var lowPower: Bool
  /// Whether the app is not in front: only units that are allowed there are used.
  public var background: Bool

  public init(thermal: Thermal = .nominal, lowPower: Bool = false, background: Bool = false) {
    self.thermal = thermal
    self.lowPower = lowPower
    self.background = background
  }
}

/// The budget controller: which level of cost the next call may have, so that its deadline is kept.
///
/// A level is an entry point, or a budget of a dynamic graph. A call that took `t` milliseconds at a predicted cost `c`
/// ran at a *pace* of `t / c`. What paces of the last calls say: two in a hundred may be slower than the pace reckoned
/// with. A device that slows down is noticed after two or three calls, one that recovers when its slow calls are 128
/// calls ago: down at once, up slowly. A higher level must fit with room to spare, so that levels do not swing.
///
/// Pure: no clock, no device. The same numbers and decisions as in Python, Kotlin and TypeScript.
public struct Controller: Sendable {
  /// A compute unit that gives right results here.
  public struct Unit: Equatable, Sendable {
    public let name: String
    /// Whether an app may use it when it is not in front.
    public let inBackground: Bool
    /// Milliseconds per unit of predicted cost, from the self-test; nil if it was not timed.
    public let pace: Double?

    public init(name: String, inBackground: Bool, pace: Double?) {
      self.name = name
      self.inBackground = inBackground
      self.pace = pace
    }
  }

  /// What the next call is to use.
  public struct Choice: Equatable, Sendable {
    /// Index, from the cheapest.
    public let level: Int
    /// Name of the compute unit; nil if none is allowed now.
    public let unit: String?
    /// Nil where nothing was timed on the unit.
    public let expectedMs: Double?

    public init(level: Int, unit: String?, expectedMs: Double?) {
      self.level = level
      self.unit = unit
      self.expectedMs = expectedMs
    }
  }

  /// Calls whose paces count, by compute unit.
  private static let remembered = 128
  /// Share of them that may have been slower than the pace reckoned with.
  private static let mayMiss = 0.02
  /// Share of the deadline that a higher level than the one in use may be expected to take.
  private static let roomAbove = 0.9
  /// Calls after a change of level before it may rise.
  private static let rest = 32

  /// Predicted cost of each level, ascending, in any one unit.
  public let costs: [Double]
  /// In order of preference.
  public let units: [Unit]
  /// Of the last calls, by compute unit, the oldest first.
  private var paces: [String: [Double]]
  private var level: Int?
  private var unit: String?
  private var rested = 0

  /// - Precondition: there is a level, and units differ in name.
  public init(costs: [Double], units: [Unit]) {
    precondition(!costs.isEmpty, "a level is expected")
    self.costs = costs
    self.units = units
    paces = Dictionary(uniqueKeysWithValues: units.map { unit in (unit.name, unit.pace.map { [$0] } ?? []) })
  }

  /// Returns what the next call is to use.
  ///
  /// - Parameters:
  ///   - deadlineMs: that it, one run of the network, should take at most.
  ///   - conditions: of the device, now.
  public mutating func choose(deadlineMs: Double, conditions: Conditions) -> Choice {
    let allowed = allowedUnit(conditions)
    if allowed != unit { (unit, level) = (allowed, nil) }
    guard let allowed, let pace = pace(of: allowed) else {  // nothing is allowed, or nothing known: the cheapest
      return Choice(level: 0, unit: allowed, expectedMs: nil)
    }
    let most = most(conditions)
    let fits = highest(deadlineMs / pace, most)
    let fitsEasily = highest(deadlineMs * Self.roomAbove / pace, most)
    let next: Int
    if let level, fits >= level {
      let rises = fitsEasily > level && rested >= Self.rest
      (next, rested) = rises ? (level + 1, 0) : (level, rested + 1)
    } else {
      (next, rested) = (fits, 0)
    }
    level = next
    return Choice(level: next, unit: allowed, expectedMs: costs[next] * pace)
  }

  /// Learns from a call that used a choice and took so long, wall clock; one that failed or was cancelled is not recorded.
  public mutating func record(_ choice: Choice, measuredMs: Double) {
    guard let unit = choice.unit, var known = paces[unit] else { return }
    known.append(measuredMs / costs[choice.level])
    paces[unit] = Array(known.suffix(Self.remembered))
  }

  /// Returns the pace that a unit is reckoned with; nil if nothing was timed on it.
  public func pace(of unit: String) -> Double? {
    guard let known = paces[unit], !known.isEmpty else { return nil }
    return known.sorted(by: >)[Int(Self.mayMiss * Double(known.count))]
  }

  /// Returns the preferred unit that conditions allow; nil if they allow none.
  public func allowedUnit(_ conditions: Conditions) -> String? {
    units.first { $0.inBackground || !conditions.background }?.name
  }

  /// The highest level that conditions allow.
  private func most(_ conditions: Conditions) -> Int {
    let highest = costs.count - 1
    if conditions.thermal == .critical { return 0 }
    let isSpared = conditions.thermal == .serious || conditions.lowPower
    return isSpared ? max(0, highest - 1) : highest
  }

  private func highest(_ affordable: Double, _ most: Int) -> Int {
    (0...most).last { costs[$0] <= affordable } ?? 0
  }
}
