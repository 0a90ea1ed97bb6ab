import Foundation

/// The golden self-test: does a compute unit of this device compute what it should, and how fast.
public struct SelfTest: Sendable {
  /// What one unit gave for one golden vector.
  public struct Judgement: Equatable, Codable, Sendable {
    public let entryPoint: String
    public let picture: String
    public let isRight: Bool
    /// Of alpha; nil if it was not a number, or the path was another one.
    public let maxAbs: Double?
    public let rms: Double?
    /// What is wrong, in words; nil if nothing is.
    public let reason: String?
  }

  /// What the test found on one unit.
  public struct Report: Equatable, Codable, Sendable {
    public let trial: Ladder.Trial
    public let judgements: [Judgement]
    /// Milliseconds per unit of predicted cost; nil if it did not run.
    public let pace: Double?
  }

  /// Timed calls after all golden vectors have warmed a unit up.
  private static let timedCalls = 5

  let artifact: Artifact
  let maker: any EngineMaker
  let clock: MillisecondClock

  /// Runs all golden vectors of all entry points on a unit.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if golden vectors are missing or damaged: what the unit does is in the
  ///   report.
  func run(on unit: ComputeUnit) async throws -> Report {
    var judgements: [Judgement] = []
    var engines: [String: any Engine] = [:]
    var timed: (engine: any Engine, vector: GoldenVector, entry: Manifest.EntryPoint)?
    for entry in artifact.manifest.entryPoints {
      let vectors = try artifact.golden(of: entry)
      do {
        let key = "\(entry.file)/\(entry.function)"
        let engine = if let known = engines[key] { known } else {
          try await maker.load(entry, artifact.manifest, file: artifact.file(of: entry), unit: unit)
        }
        engines[key] = engine
        for vector in vectors {
          judgements.append(Self.judge(try await engine.run(vector.inputs, entry), vector, entry, artifact.manifest))
        }
        if timed.map({ $0.entry.predictedCost < entry.predictedCost }) ?? true { timed = (engine, vectors[0], entry) }
      } catch {
        return failed(unit, judgements, error)
      }
    }
    guard let timed else { return failed(unit, judgements, PamEdgeError(.damaged, "There is nothing to run.")) }
    do {
      let latencyMs = try await time(timed.engine, timed.vector, timed.entry)
      let trial = Ladder.Trial(
        unit: unit.rawValue, error: nil, isRight: judgements.allSatisfy(\.isRight), latencyMs: latencyMs)
      return Report(trial: trial, judgements: judgements, pace: latencyMs / timed.entry.predictedCost)
    } catch {
      return failed(unit, judgements, error)
    }
  }

  private func failed(_ unit: ComputeUnit, _ judgements: [Judgement], _ error: any Error) -> Report {
    let trial = Ladder.Trial(unit: unit.rawValue, error: "\(error)", isRight: nil, latencyMs: nil)
    return Report(trial: trial, judgements: judgements, pace: nil)
  }

  private func time(_ engine: any Engine, _ vector: GoldenVector, _ entry: Manifest.EntryPoint) async throws
    -> Double
  {
    var times: [Double] = []
    for _ in 0..<Self.timedCalls {
      let started = clock()
      _ = try await engine.run(vector.inputs, entry)
      times.append(clock() - started)
    }
    return Statistics.median(times) ?? .infinity
  }

  /// Judges what an entry point gave, by the limits of the manifest's precision.
  static func judge(
    _ found: Outputs, _ vector: GoldenVector, _ entry: Manifest.EntryPoint, _ manifest: Manifest
  ) -> Judgement {
    let limits = Limits.of(manifest.precision)
    var (deviation, reason): (Deviation?, String?)
    if let expected = vector.path {
      reason = pathFault(found, expected, vector.margins, entry, manifest, limits)
      if reason == nil, found.path.flatMap(Paths.text) != expected {  // an undecided gate: its alpha is not known here
        return Judgement(
          entryPoint: entry.name, picture: vector.picture, isRight: true, maxAbs: nil, rms: nil, reason: nil)
      }
    }
    if reason == nil {
      do {
        let off = try Deviation(found.alpha, expected: vector.alpha, trimap: vector.trimap)
        deviation = off
        if !off.isWithin(limits) { reason = "alpha is off by \(off.maxAbs), RMS \(off.rms)" }
        if reason == nil, let expected = vector.foreground {
          let colours = try Deviation(
            colours: (found.alpha, found.foreground ?? []), expected: (vector.alpha, expected), trimap: vector.trimap)
          if !colours.isWithin(limits) { reason = "alpha * foreground is off by \(colours.maxAbs), RMS \(colours.rms)" }
        }
      } catch {
        reason = "\(error)"
      }
    }
    return Judgement(
      entryPoint: entry.name, picture: vector.picture, isRight: reason == nil,
      maxAbs: deviation.flatMap { $0.maxAbs.isFinite ? $0.maxAbs : nil },
      rms: deviation.flatMap { $0.rms.isFinite ? $0.rms : nil }, reason: reason)
  }

  private static func pathFault(
    _ found: Outputs, _ expected: String, _ margins: [Double?], _ entry: Manifest.EntryPoint, _ manifest: Manifest,
    _ limits: Limits
  ) -> String? {
    guard let path = found.path.flatMap(Paths.text), path.count == expected.count else {
      return "expected a path of 0 and 1; got \(found.path ?? [])"
    }
    if path != expected, !Paths.isTie(path, expected: expected, margins: margins, noise: limits.gateMargin) {
      return "expected the path \(expected); got \(path)"
    }
    if let selection = manifest.selection, let budget = entry.budgetInput {
      let cost = selection.cost(of: path)
      if cost > max(budget, selection.shortest) { return "the path \(path) costs \(cost), over the budget of \(budget)" }
    }
    return nil
  }
}
