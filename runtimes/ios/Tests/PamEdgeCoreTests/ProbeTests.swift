import Foundation
import XCTest

@testable import PamEdgeCore

final class ProbeTests: XCTestCase {
  private func kit(io: String = "image", _ change: (URL) throws -> Void = { _ in }) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("inputs"), withIntermediateDirectories: true)
    let text = """
      {"file": "model.mlpackage", "io": "\(io)", "inputs": [{"name": "image", "shape": [1, 32, 32, 3]},
       {"name": "trimap", "shape": [1, 32, 32, 1]}], "calls": 3, "rounds": [["11", "00", "10"], ["00", "10", "11"]],
       "samples": {"schema_version": 1, "target": "coreml", "runtime": "Core ML", "compute_unit": "neural_engine",
       "delegate": "XNNPACK", "precision": "fp16", "height": 32, "width": 32, "variant": "pam-minute",
       "architecture_hash": "0123456789ab", "tool": "pam-edge, kit"}}
      """
    try Data(text.utf8).write(to: folder.appendingPathComponent("kit.json"))
    let image = (0..<32 * 32 * 3).map { Float($0 % 256) }
    try Floats.data(image).write(to: folder.appendingPathComponent("inputs/image.bin"))
    try Floats.data(image.prefix(32 * 32).map { $0 }).write(to: folder.appendingPathComponent("inputs/trimap.bin"))
    try change(folder)
    return folder
  }

  func testEveryPathIsTimedInEveryRoundAfterWarmUp() async throws {
    let network = FakeNetwork(paces: [.cpu: 4])
    let told = Told()
    told.now.thermal = .fair
    let samples = try await Probe(kit: kit()).run(
      network, unit: .cpu, device: Device(model: "iPhone14,5", soc: "Apple A15", system: "iOS 26.1"), rounds: 2,
      tool: "a test 1.0", conditions: { told.now }, progress: { _ in }, clock: { network.clock.now })
    XCTAssertEqual(samples.samples.map(\.path), ["11", "00", "10", "00", "10", "11"])
    XCTAssertEqual(samples.samples.map(\.round), [0, 0, 0, 1, 1, 1])
    XCTAssertEqual(Set(samples.samples.map(\.latencyMs)), [4])
    XCTAssertEqual(Set(samples.samples.map(\.thermal)), [.fair])
    XCTAssertEqual(samples.computeUnit, "cpu")
    XCTAssertNotNil(samples.date.range(of: "^20[0-9]{2}-[01][0-9]-[0-3][0-9]$", options: .regularExpression))
    let runs = await network.log.runs
    XCTAssertEqual(runs.count, 3 * Probe.warmUpCalls + 6)
    XCTAssertEqual(runs.first, "cpu path_11")
  }

  func testAGraphThatTakesItsPathIsLoadedOnce() async throws {
    let network = FakeNetwork()
    let folder = try kit {
      let file = $0.appendingPathComponent("kit.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      try Data(text.replacingOccurrences(of: "32, 32, 1]}]", with: "32, 32, 1]}, {\"name\": \"path\", \"shape\": [2]}]").utf8)
        .write(to: file)
    }
    _ = try await Probe(kit: folder).run(
      network, unit: .cpu, device: Device(model: "", soc: "", system: ""), rounds: 1, tool: "",
      conditions: { Conditions() }, progress: { _ in }, clock: { network.clock.now })
    let (loads, runs) = await (network.log.loads, network.log.runs)
    XCTAssertEqual(loads.count, 1)
    XCTAssertEqual(Set(runs), ["cpu probe"])
  }

  func testKitsThatAreIncompleteAreRefused() async throws {
    await assertThrows(.damaged, "no kit") { _ = try Probe(kit: FileManager.default.temporaryDirectory) }
    let short = try kit { try Data(count: 8).write(to: $0.appendingPathComponent("inputs/image.bin")) }
    await assertThrows(.damaged, "a picture cut short") { _ = try Probe(kit: short) }
  }
}
