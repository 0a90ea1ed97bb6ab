import Foundation
import XCTest

@testable import PamEdgeCore

/// With files of the Python side: `make test-ios` makes them, and has pam-edge read what is written here.
final class CrossTests: XCTestCase {
  private func folder() throws -> URL {
    guard let path = ProcessInfo.processInfo.environment["PAM_EDGE_CROSS"] else {
      throw XCTSkip("not run: there are no files of the Python side; `make test-ios` makes them where pam-edge is set up")
    }
    return URL(fileURLWithPath: path)
  }

  func testBundlesAreOpenedTestedAndAnswered() async throws {
    let folder = try folder()
    let bundles = folder.appendingPathComponent("bundles")
    for name in try FileManager.default.contentsOfDirectory(atPath: bundles.path).sorted() {
      let bundle = bundles.appendingPathComponent(name)
      let artifact = try Artifact(folder: bundle)
      let matter = try Matter(
        artifact: artifact, maker: try GoldenValues(artifact),
        device: Device(model: "a stand-in", soc: "none", system: "none"),
        verdicts: Verdicts(file: folder.appendingPathComponent("verdicts-\(name).json")), conditions: { Conditions() })
      let found = try await matter.prepare()
      XCTAssertTrue(found.reports.allSatisfy { $0.trial.isRight == true }, "\(name): \(found.reports)")
      XCTAssertFalse(found.reports.flatMap(\.judgements).isEmpty, name)
      try await matter.writeDeviceOutputs(to: folder.appendingPathComponent("outputs/\(name)"))
    }
  }

  func testKitsAreRun() async throws {
    let folder = try folder()
    for target in ["coreml", "coreai"] {
      let costs = AddedCosts(target: target)
      let samples = try await Probe(kit: folder.appendingPathComponent("kits/\(target)")).run(
        costs, unit: .neuralEngine, device: Device(model: "a stand-in", soc: "none", system: "none"), rounds: 8,
        tool: "CrossTests", conditions: { Conditions(thermal: .fair) }, progress: { _ in }, clock: { costs.clock.now })
      try samples.encoded().write(to: folder.appendingPathComponent("\(target).samples.json"))
    }
  }

  func testPicturesAreWhatPythonMakesOfThem() throws {
    let data = try Data(contentsOf: try folder().appendingPathComponent("pictures.json"))
    let pictures = try JSONDecoder().decode(JSONValue.self, from: data).array
    XCTAssertEqual(pictures.count, 3)
    for each in pictures {
      let alpha = each["alpha"].alpha
      let found = Foreground.cutOut(each["image"].rgb, alpha: alpha).bytes, expected = each["cutout"]["u8"].bytes
      XCTAssertEqual(found.count, expected.count)
      let off = zip(found, expected).map { abs(Int($0) - Int($1)) }
      XCTAssertLessThanOrEqual(off.max()!, 1)  // sums in another order may round to the next grey
      XCTAssertLessThan(off.reduce(0, +), found.count / 1000 + 1)
      XCTAssertEqual(Bands.mask(fromTrimap: each["trimap"].greys, bandPx: 6, height: 32, width: 48), each["mask"].greys)
    }
  }
}

/// A stand-in for a runtime that gives the golden values of whatever golden picture it is shown.
private struct GoldenValues: EngineMaker, Engine {
  let target: String
  let runtime = "golden values, no network"
  let units: [ComputeUnit] = [.neuralEngine, .gpu, .cpu]
  private let vectors: [String: [GoldenVector]]
  private let selection: Manifest.Selection?

  init(_ artifact: Artifact) throws {
    target = artifact.manifest.target
    selection = artifact.manifest.selection
    vectors = try Dictionary(
      uniqueKeysWithValues: artifact.manifest.entryPoints.map { ($0.name, try artifact.golden(of: $0)) })
  }

  func load(_ entry: Manifest.EntryPoint, _ manifest: Manifest, file: URL, unit: ComputeUnit) async throws -> any Engine {
    self
  }

  func run(_ inputs: Inputs, _ entry: Manifest.EntryPoint) async throws -> Outputs {
    let vector = try XCTUnwrap(vectors[entry.name]?.first { $0.inputs == inputs })
    return Outputs(
      alpha: vector.alpha, foreground: vector.foreground, path: vector.path.map { $0.map { $0 == "1" ? 1 : 0 } },
      cost: vector.path.flatMap { path in selection.map { Float($0.cost(of: path)) } })
  }
}

/// A stand-in for a device on which every block that runs takes its own time.
private struct AddedCosts: EngineMaker, Engine {
  let target: String
  let runtime = "made-up times, no network"
  let units: [ComputeUnit] = [.neuralEngine]
  let clock = FakeClock()

  func load(_ entry: Manifest.EntryPoint, _ manifest: Manifest, file: URL, unit: ComputeUnit) async throws -> any Engine {
    XCTAssertTrue(FileManager.default.fileExists(atPath: file.path), file.path)
    return self
  }

  func run(_ inputs: Inputs, _ entry: Manifest.EntryPoint) async throws -> Outputs {
    let path = try XCTUnwrap(entry.path), runs = path.enumerated().filter { $0.element == "1" }
    if entry.function == "probe" { XCTAssertEqual(inputs.path, path.map { $0 == "1" ? 1 : 0 }) }
    clock.advance(runs.reduce(3) { $0 + 0.5 * Double($1.offset + 1) })
    return Outputs(
      alpha: Alpha(height: inputs.image.height, width: inputs.image.width, repeating: 0), foreground: nil, path: nil,
      cost: nil)
  }
}
