import Foundation

/// Measures this device with a kit of `pam-edge profile kit`, so that budgets in milliseconds hold on it.
public struct Probe: Sendable {
  /// `kit.json`: what is to be run, in which order, and what the samples' file says beside.
  struct Kit: Decodable, Sendable {
    struct Input: Decodable, Sendable {
      let name: String
      let shape: [Int]
    }

    struct About: Decodable, Sendable {
      let target: String
      let runtime: String
      let precision: String
      let height: Int
      let width: Int
      let variant: String
      let architecture_hash: String
    }

    let file: String
    let io: String
    let inputs: [Input]
    /// The paths of each round, shuffled.
    let rounds: [[String]]
    let samples: About

    /// Whether one graph takes its path as an input; else the file has a function for each path.
    var takesPaths: Bool { inputs.contains { $0.name == "path" } }
  }

  /// Discarded calls of each path before the first round.
  static let warmUpCalls = 3

  private let folder: URL
  let kit: Kit
  private let pictures: Inputs
  private let manifest: Manifest

  /// Opens a kit's folder.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if it is incomplete.
  public init(kit folder: URL) throws {
    self.folder = folder
    do {
      kit = try JSONDecoder().decode(Kit.self, from: Data(contentsOf: folder.appendingPathComponent("kit.json")))
    } catch {
      throw PamEdgeError(
        .damaged, "Expected a kit with kit.json in \(folder.lastPathComponent); it cannot be read (\(error)). Make it "
          + "with `pam-edge profile kit`, and add the folder to the app as it is.")
    }
    manifest = try Self.manifest(of: kit)
    pictures = try Self.pictures(of: kit, in: folder)
  }

  /// Paths that are timed, in the first round's order.
  public var paths: [String] { kit.rounds.first ?? [] }

  /// Times every path in every round: warm-up first, then shuffled rounds, so that a drifting device touches all alike.
  ///
  /// - Parameters:
  ///   - maker: of the platform's runtime.
  ///   - unit: to ask for.
  ///   - device: that is measured.
  ///   - rounds: at most as many as the kit has.
  ///   - tool: that took the samples, with its version, such as the app's.
  ///   - conditions: of the device, asked at every call.
  ///   - progress: told after each round how many are done.
  /// - Throws: ``PamEdgeError`` if a path cannot be loaded or run; `CancellationError`.
  public func run(
    _ maker: any EngineMaker, unit: ComputeUnit, device: Device, rounds: Int = 12, tool: String,
    conditions: @Sendable () -> Conditions, progress: @Sendable (Int) -> Void = { _ in }
  ) async throws -> Samples {
    try await run(
      maker, unit: unit, device: device, rounds: rounds, tool: tool, conditions: conditions, progress: progress,
      clock: Wall.clock)
  }

  func run(
    _ maker: any EngineMaker, unit: ComputeUnit, device: Device, rounds: Int, tool: String,
    conditions: @Sendable () -> Conditions, progress: @Sendable (Int) -> Void, clock: MillisecondClock
  ) async throws -> Samples {
    guard maker.target == manifest.target else {
      throw PamEdgeError(.unsuited, "Expected a kit for \(maker.target); this one is for \(manifest.target).")
    }
    var engines: [String: any Engine] = [:]
    for path in paths {
      let entry = self.entry(path)
      let shared = kit.takesPaths ? engines.values.first : nil
      let engine =
        if let shared { shared } else {
          try await maker.load(entry, manifest, file: folder.appendingPathComponent(kit.file), unit: unit)
        }
      for _ in 0..<Self.warmUpCalls { _ = try await engine.run(inputs(path), entry) }
      engines[path] = engine
    }
    var taken: [Samples.Sample] = []
    for (number, order) in kit.rounds.prefix(rounds).enumerated() {
      for path in order {
        try Task.checkCancellation()
        guard let engine = engines[path] else { throw PamEdgeError(.damaged, "The kit's rounds differ in their paths.") }
        let entry = self.entry(path), inputs = inputs(path), started = clock()
        _ = try await engine.run(inputs, entry)
        taken.append(
          Samples.Sample(path: path, round: number, latencyMs: clock() - started, thermal: conditions().thermal))
      }
      progress(number + 1)
    }
    return samples(taken, maker, unit, device, tool)
  }

  private func samples(
    _ taken: [Samples.Sample], _ maker: any EngineMaker, _ unit: ComputeUnit, _ device: Device, _ tool: String
  ) -> Samples {
    let about = kit.samples
    return Samples(
      device: device.model, soc: device.soc, os: device.system, target: about.target, runtime: about.runtime,
      runtimeVersion: maker.runtime, computeUnit: unit.rawValue, delegate: "requested: \(unit.rawValue)", threads: 1,
      precision: about.precision, height: about.height, width: about.width, variant: about.variant,
      architectureHash: about.architecture_hash, date: Self.today(), tool: tool, peakMemoryBytes: nil, samples: taken)
  }

  private static func today() -> String {
    let day = Calendar(identifier: .gregorian).dateComponents([.year, .month, .day], from: Date())
    func digits(_ value: Int?, _ count: Int) -> String {
      let text = String(value ?? 0)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return "\(digits(day.year, 4))-\(digits(day.month, 2))-\(digits(day.day, 2))"
  }

  private func inputs(_ path: String) -> Inputs {
    guard kit.takesPaths else { return pictures }
    return Inputs(
      image: pictures.image, region: pictures.region, budget: nil, previous: nil, previousPath: nil,
      path: path.map { $0 == "1" ? 1 : 0 })
  }

  private func entry(_ path: String) -> Manifest.EntryPoint {
    let name = kit.takesPaths ? "probe" : "path_\(path)"
    let size = Size(height: kit.samples.height, width: kit.samples.width)
    let output = manifest.io == .image ? [size.height, size.width] : [1, 1, size.height, size.width]
    let type = manifest.io == .image ? "image" : "float32"
    let inputs = kit.inputs.map { Manifest.Tensor(name: $0.name, type: type, shape: $0.shape, layout: "") }
    return Manifest.EntryPoint(
      name: name, size: size,
      ends: Manifest.Ends(source: .trimap, result: .alpha, bandPx: 0, maskHeight: nil, maskWidth: nil), inputs: inputs,
      outputs: [Manifest.Tensor(name: "alpha", type: type, shape: output, layout: "")], budget: "", path: path,
      function: name, budgetInput: nil, predictedCost: 1, costUnit: "GMAC", costProvenance: "counted",
      file: kit.file, sha256: "")
  }

  private static func manifest(of kit: Kit) throws -> Manifest {
    guard let io = Manifest.IO(rawValue: kit.io), let precision = Manifest.Precision(rawValue: kit.samples.precision),
      kit.rounds.first?.isEmpty == false
    else { throw PamEdgeError(.damaged, "The kit's kit.json lacks rounds, or a form of inputs and a precision known here.") }
    return Manifest(
      variant: kit.samples.variant, architectureHash: kit.samples.architecture_hash, isTrained: true,
      target: kit.samples.target, mode: .multi, precision: precision, io: io, selection: nil, entryPoints: [], golden: [],
      unsuited: [], isVerified: false)
  }

  /// Reads the photograph and its trimap: raw float32 in the graph's layout, whole numbers of 0 to 255.
  private static func pictures(of kit: Kit, in folder: URL) throws -> Inputs {
    let (height, width) = (kit.samples.height, kit.samples.width)
    func bytes(_ name: String, _ count: Int) throws -> [UInt8] {
      let file = folder.appendingPathComponent("inputs/\(name).bin")
      guard let data = try? Data(contentsOf: file), let values = Floats.values(data), values.count == count,
        values.allSatisfy({ (0...255).contains($0) })
      else {
        throw PamEdgeError(.damaged, "Expected \(count) numbers of 0 to 255 in the kit's inputs/\(name).bin. Copy it again.")
      }
      return values.map { UInt8($0.rounded()) }
    }
    var image = try bytes("image", 3 * height * width)
    if kit.io == Manifest.IO.tensor.rawValue {  // channels before rows
      let planes = image
      for pixel in 0..<height * width {
        for channel in 0..<3 { image[3 * pixel + channel] = planes[channel * height * width + pixel] }
      }
    }
    return Inputs(
      image: RGBImage(height: height, width: width, bytes: image),
      region: Greys(height: height, width: width, values: try bytes("trimap", height * width)), budget: nil,
      previous: nil, previousPath: nil)
  }
}

/// A device, as samples and remembered verdicts name it.
public struct Device: Equatable, Sendable {
  /// Such as `iPhone14,5`.
  public let model: String
  /// Such as `Apple A15 Bionic`; the model again where nobody tells.
  public let soc: String
  /// With its build, such as `iOS 26.1 (23B85)`.
  public let system: String

  public init(model: String, soc: String, system: String) {
    self.model = model
    self.soc = soc
    self.system = system
  }
}
