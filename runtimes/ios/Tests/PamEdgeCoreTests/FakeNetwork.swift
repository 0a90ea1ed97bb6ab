import Foundation
import XCTest

@testable import PamEdgeCore

/// A stand-in for a model and its runtime: alpha in the unknown region is a weighted mean of red, green and blue, and a
/// fault can be asked for on any unit. It is no network; what is tested with it is everything around one.
struct FakeNetwork: EngineMaker {
  enum Fault: Sendable {
    case none, changedWeight, swappedChannels, wrongStride, swappedOutputs, notANumber
    case cannotLoad
    /// Fails from so many runs on, as GPU work does in the background.
    case fails(after: Int)
  }

  let target: String
  let runtime = "a fake 1.0"
  let units: [ComputeUnit] = [.neuralEngine, .gpu, .cpu]
  let faults: [ComputeUnit: Fault]
  /// Milliseconds of a run at a predicted cost of 1.
  let paces: [ComputeUnit: Double]
  let log = Log()
  let clock = FakeClock()

  init(target: String = "coreml", faults: [ComputeUnit: Fault] = [:], paces: [ComputeUnit: Double] = [:]) {
    self.target = target
    self.faults = faults
    self.paces = paces
  }

  func load(_ entry: Manifest.EntryPoint, _ manifest: Manifest, file: URL, unit: ComputeUnit) async throws -> any Engine {
    await log.loaded(unit)
    let fault = faults[unit] ?? .none
    if case .cannotLoad = fault { throw PamEdgeError(.runtime, "no such unit") }
    return FakeEngine(unit: unit, fault: fault, pace: paces[unit] ?? 1, log: log, clock: clock)
  }

  actor Log {
    private(set) var loads: [ComputeUnit] = []
    private(set) var runs: [String] = []
    private(set) var budgets: [Float?] = []

    func loaded(_ unit: ComputeUnit) { loads.append(unit) }

    func ran(_ unit: ComputeUnit, _ entry: String, _ budget: Float?) -> Int {
      runs.append("\(unit.rawValue) \(entry)")
      budgets.append(budget)
      return runs.count
    }

    func forget() { (loads, runs, budgets) = ([], [], []) }
  }
}

private struct FakeEngine: Engine {
  let unit: ComputeUnit
  let fault: FakeNetwork.Fault
  let pace: Double
  let log: FakeNetwork.Log
  let clock: FakeClock

  func run(_ inputs: Inputs, _ entry: Manifest.EntryPoint) async throws -> Outputs {
    let count = await log.ran(unit, entry.name, inputs.budget)
    if case .fails(let after) = fault, count > after { throw PamEdgeError(.runtime, "ended in the background") }
    clock.advance(pace * entry.predictedCost)
    let blocks = entry.path == nil ? 2 : 0
    var alpha = FakeNetwork.alpha(inputs.image, trimap(inputs, entry), fault)
    if case .swappedOutputs = fault {
      alpha = Alpha(height: alpha.height, width: alpha.width, values: alpha.values.map { 1 - $0 })
    }
    return Outputs(
      alpha: alpha, foreground: entry.ends.result == .cutout ? FakeNetwork.foreground(alpha) : nil, path: blocks > 0 ? [1, 0] : nil,
      cost: blocks > 0 ? Float(entry.predictedCost) : nil)
  }

  private func trimap(_ inputs: Inputs, _ entry: Manifest.EntryPoint) -> Greys {
    entry.ends.source.isMask ? (try! Bands.trimap(fromMask: inputs.region, bandPx: entry.ends.bandPx)) : inputs.region
  }
}

extension FakeNetwork {
  /// One colour everywhere.
  static func foreground(_ alpha: Alpha) -> [Float] { alpha.values.flatMap { _ in [10, 20, 30] } }

  static func alpha(_ image: RGBImage, _ trimap: Greys, _ fault: Fault = .none) -> Alpha {
    var alpha = Alpha(height: trimap.height, width: trimap.width, repeating: 0)
    for index in trimap.values.indices {
      let at = if case .wrongStride = fault { max(0, index - index / trimap.width) } else { index }
      var weights: [Float] = [0.5, 0.3, 0.2]
      if case .changedWeight = fault { weights[1] = 0.45 }
      if case .swappedChannels = fault { weights.reverse() }
      let colour = (0..<3).reduce(Float(0)) { $0 + weights[$1] * Float(image.bytes[3 * at + $1]) } / 255
      switch trimap.values[index] {
      case Bands.background: alpha.values[index] = 0
      case Bands.foreground: alpha.values[index] = 1
      default: if case .notANumber = fault { alpha.values[index] = .nan } else { alpha.values[index] = colour }
      }
    }
    return alpha
  }
}

/// A bundle in a temporary folder, with golden vectors of the fake network.
struct FakeBundle {
  static let side = 64
  let folder: URL

  /// - Parameter entries: names and predicted costs, as the manifest holds them.
  init(
    entries: [(String, Double)] = [("mild", 4), ("aggressive", 2)], target: String = "coreml", isDynamic: Bool = false,
    isCutOut: Bool = false, change: (inout [String: Any]) -> Void = { _ in }
  ) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("bundle-\(UUID().uuidString)")
    let package = folder.appendingPathComponent("model.mlpackage/Data")
    try FileManager.default.createDirectory(at: package, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("golden"), withIntermediateDirectories: true)
    try Data("weights".utf8).write(to: package.appendingPathComponent("weight.bin"))
    let hash = try Hashes.of(contentsOf: folder.appendingPathComponent("model.mlpackage"))
    let (image, trimap) = (Self.picture(Self.side, Self.side), Self.trimap(Self.side, Self.side))
    try write("golden/one.image.png", Self.png(image.bytes, Self.side, Self.side, 3))
    try write("golden/one.trimap.png", Self.png(trimap.values, Self.side, Self.side, 1))
    var alphas: [String: String] = [:], paths: [String: Any] = [:], foregrounds: [String: String] = [:]
    for (name, _) in entries {
      alphas[name] = "golden/\(name).one.alpha.f32"
      try write(alphas[name]!, Floats.data(FakeNetwork.alpha(image, trimap).values))
      if isCutOut {
        foregrounds[name] = "golden/\(name).one.foreground.f32"
        try write(foregrounds[name]!, Floats.data(FakeNetwork.foreground(FakeNetwork.alpha(image, trimap))))
      }
      guard isDynamic else { continue }
      paths[name] = ["file": "golden/\(name).one.path.f32", "margins": [1.0, -1.0]] as [String: Any]
      try write("golden/\(name).one.path.f32", Floats.data([1, 0]))
    }
    let points = entries.map { Self.entry($0.0, $0.1, hash, isDynamic, isCutOut) }
    var manifest: [String: Any] = [
      "schema_version": 2,
      "checkpoint": [
        "reference": "a fake", "sha256": hash, "variant": "pam-minute", "architecture_hash": "0123456789ab",
        "trained": false, "summary": "for tests",
      ] as [String: Any],
      "target": target, "mode": isDynamic ? "dynamic" : "multi", "precision": "fp32", "io": "image",
      "profile": NSNull(),
      "selection": isDynamic
        ? ["unit": "ms", "fixed": 1.0, "run": [1.0, 2.0], "bypass": [0.0, 0.0], "margin": 0.5, "thresholds": [0.0]]
          as [String: Any] : NSNull(),
      "accelerators": [[String: Any]](), "entry_points": points, "command": "", "parity": [Any](),
      "golden": [
        [
          "picture": "one", "height": Self.side, "width": Self.side, "image": "golden/one.image.png",
          "trimap": "golden/one.trimap.png", "alphas": alphas, "paths": paths, "foregrounds": foregrounds,
        ] as [String: Any]
      ],
      "tool_versions": [String: String](),
    ]
    change(&manifest)
    try write("manifest.json", try JSONSerialization.data(withJSONObject: manifest))
  }

  func write(_ name: String, _ data: Data) throws { try data.write(to: folder.appendingPathComponent(name)) }

  private static func entry(
    _ name: String, _ cost: Double, _ hash: String, _ isDynamic: Bool, _ isCutOut: Bool
  ) -> [String: Any] {
    func tensor(_ name: String) -> [String: Any] {
      ["name": name, "type": "image", "shape": [side, side], "layout": "pixel buffer", "meaning": ""]
    }
    return [
      "name": name, "height": side, "width": side,
      "ends": ["source": "trimap", "result": isCutOut ? "cutout" : "alpha"], "inputs": [tensor("image"), tensor("trimap")],
      "outputs": isCutOut ? [tensor("alpha"), tensor("foreground")] : [tensor("alpha")], "budget": name, "path": isDynamic ? NSNull() : "10" as Any, "function": name,
      "budget_input": isDynamic ? cost as Any : NSNull(), "predicted_cost": cost, "cost_unit": "ms",
      "cost_provenance": "counted", "cost_interval": [cost, cost], "gmacs": 1.0, "objective": "", "file": "model.mlpackage",
      "sha256": hash, "bytes": 7,
    ]
  }

  /// Colours that differ from channel to channel and from pixel to pixel.
  static func picture(_ height: Int, _ width: Int) -> RGBImage {
    var bytes: [UInt8] = []
    for index in 0..<height * width {
      for (step, limit) in [(7, 251), (13, 241), (29, 239)] { bytes.append(UInt8(step * index % limit)) }
    }
    return RGBImage(height: height, width: width, bytes: bytes)
  }

  /// Background to the left, foreground to the right, a band of unknown between.
  static func trimap(_ height: Int, _ width: Int) -> Greys {
    var trimap = Greys(height: height, width: width, repeating: Bands.unknown)
    for y in 0..<height {
      for x in 0..<width {
        if 3 * x < width { trimap[y, x] = Bands.background }
        if 3 * x >= 2 * width { trimap[y, x] = Bands.foreground }
      }
    }
    return trimap
  }

  /// All three in every tile, so that every tile is run as it is.
  static func stripes(_ height: Int, _ width: Int) -> Greys {
    let row = (0..<width).map { [Bands.background, Bands.unknown, Bands.foreground][$0 / 4 % 3] }
    return Greys(height: height, width: width, values: (0..<height).flatMap { _ in row })
  }

  /// Stored, not compressed, and without checksums, which the reader does not look at.
  static func png(_ pixels: [UInt8], _ height: Int, _ width: Int, _ channels: Int) -> Data {
    func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    func add(_ name: String, _ body: [UInt8]) {
      file += number(body.count)
      file += Array(name.utf8)
      file += body
      file += [0, 0, 0, 0]
    }
    var header = number(width)
    header += number(height)
    header += [8, channels == 3 ? 2 : 0, 0, 0, 0]
    var rows: [UInt8] = []
    for y in 0..<height {
      rows.append(0)
      rows += pixels[y * width * channels..<(y + 1) * width * channels]
    }
    let (low, high) = (UInt8(rows.count & 255), UInt8(rows.count >> 8))
    var stream: [UInt8] = [0x78, 0x01, 1, low, high, ~low, ~high]
    stream += rows
    stream += [0, 0, 0, 0]
    add("IHDR", header)
    add("IDAT", stream)
    add("IEND", [])
    return Data(file)
  }

  func verdicts() -> Verdicts { Verdicts(file: folder.appendingPathComponent("caches/verdicts.json")) }

  func matter(_ network: FakeNetwork, system: String = "iOS 26.1 (23B85)", conditions: Told = Told()) throws -> Matter {
    try Matter(
      artifact: Artifact(folder: folder), maker: network, device: Device(model: "iPhone14,5", soc: "Apple A15", system: system),
      verdicts: verdicts(), conditions: { conditions.now }, clock: { network.clock.now })
  }
}

/// Goes on only when a fake network runs, so that no test depends on how busy a machine is.
final class FakeClock: @unchecked Sendable {
  private let lock = NSLock()
  private var ms = 0.0

  var now: Double { lock.withLock { ms } }

  func advance(_ by: Double) { lock.withLock { ms += by } }
}

/// What a test says about the device.
final class Told: @unchecked Sendable {
  private let lock = NSLock()
  private var value = Conditions()

  var now: Conditions {
    get { lock.withLock { value } }
    set { lock.withLock { value = newValue } }
  }
}

/// Fails unless an error of a kind is thrown; returns its message.
@discardableResult
func assertThrows(
  _ kind: PamEdgeError.Kind, _ name: String = "", line: UInt = #line, _ work: () async throws -> Void
) async -> String {
  do {
    try await work()
    XCTFail("\(name): an error of kind \(kind) is expected", line: line)
    return ""
  } catch {
    XCTAssertEqual((error as? PamEdgeError)?.kind, kind, "\(name): \(error)", line: line)
    return "\(error)"
  }
}
