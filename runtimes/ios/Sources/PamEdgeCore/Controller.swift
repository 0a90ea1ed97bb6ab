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
/// A level is an entry point, or a budget of a dynamic graph. Its predicted cost times the *pace*, milliseconds per unit
/// of predicted cost on this device right now, is how long a call will take. Measured calls correct the pace: at once if
/// they took longer, slowly if they took less. A deadline that is about to be missed lowers the level at once; a higher
/// level must have fitted with room to spare for many calls in a row, and for more each time that going up was a
/// mistake.
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

  /// Share of the deadline that a call may be expected to take, and the same of a level above the one in use.
  private static let room = 0.95, roomAbove = 0.85
  /// How much of the way the pace goes to what a call showed, if that took longer, or less.
  private static let slower = 0.5, faster = 0.05
  /// Calls in a row for which a higher level must have fitted: at first, and at most.
  private static let patience = 16, mostPatience = 512
  /// Calls after going up within which going down again says that it was a mistake.
  private static let regret = 64

  /// Predicted cost of each level, ascending, in any one unit.
  public let costs: [Double]
  /// In order of preference.
  public let units: [Unit]
  /// Milliseconds per unit of predicted cost, by compute unit.
  public private(set) var paces: [String: Double]
  private var level: Int?
  private var unit: String?
  private var fitting = 0
  private var patience = Self.patience
  private var sinceUp = Self.regret

  /// - Precondition: there is a level.
  public init(costs: [Double], units: [Unit]) {
    precondition(!costs.isEmpty, "a level is expected")
    self.costs = costs
    self.units = units
    paces = Dictionary(uniqueKeysWithValues: units.compactMap { unit in unit.pace.map { (unit.name, $0) } })
  }

  /// Returns what the next call is to use.
  ///
  /// - Parameters:
  ///   - deadlineMs: that it should take at most.
  ///   - conditions: of the device, now.
  public mutating func choose(deadlineMs: Double, conditions: Conditions) -> Choice {
    guard let allowed = units.first(where: { $0.inBackground || !conditions.background })?.name else {
      return Choice(level: 0, unit: nil, expectedMs: nil)
    }
    if allowed != unit { (unit, level, fitting) = (allowed, nil, 0) }
    guard let pace = paces[allowed] else { return Choice(level: 0, unit: allowed, expectedMs: nil) }
    let next = next(affordable: deadlineMs / pace, most: most(conditions))
    level = next
    return Choice(level: next, unit: allowed, expectedMs: costs[next] * pace)
  }

  /// Learns from a call that used a choice and took so long, wall clock; one that failed or was cancelled is not recorded.
  public mutating func record(_ choice: Choice, measuredMs: Double) {
    guard let unit = choice.unit else { return }
    let seen = measuredMs / costs[choice.level]
    guard let pace = paces[unit] else {
      paces[unit] = seen
      return
    }
    paces[unit] = pace + (seen - pace) * (seen > pace ? Self.slower : Self.faster)
  }

  /// The highest level that conditions allow.
  private func most(_ conditions: Conditions) -> Int {
    let highest = costs.count - 1
    if conditions.thermal == .critical { return 0 }
    let isSpared = conditions.thermal == .serious || conditions.lowPower
    return isSpared ? max(0, highest - 1) : highest
  }

  /// The level of the next call, given the cost that the deadline affords.
  private mutating func next(affordable: Double, most: Int) -> Int {
    let fits = highest(affordable * Self.room, most)
    guard let level else { return fits }  // the first call on a unit
    sinceUp = min(sinceUp + 1, Self.regret)
    if fits < level {
      if fits < most, sinceUp < Self.regret {  // too slow, and not merely forbidden
        patience = min(2 * patience, Self.mostPatience)
      }
      (fitting, sinceUp) = (0, Self.regret)
      return fits
    }
    let fitsEasily = level < most && costs[level + 1] <= affordable * Self.roomAbove
    fitting = fitsEasily ? fitting + 1 : 0
    guard fitting >= patience else { return level }
    (fitting, sinceUp) = (0, 0)
    return level + 1
  }

  private func highest(_ affordable: Double, _ most: Int) -> Int {
    (0...most).last { costs[$0] <= affordable } ?? 0
  }
}
