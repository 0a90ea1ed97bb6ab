import CoreAI
import PamEdgeCore
import XCTest

@testable import PamEdge

/// The code that calls Core AI, against a stub of it: what reaches a function, and what is read of its outputs.
final class CoreAITests: XCTestCase {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("coreai-\(UUID().uuidString)")
  private let image = RGBImage(height: 32, width: 64, bytes: (0..<32 * 64 * 3).map { UInt8($0 % 251) })
  private let region = Greys(height: 32, width: 64, values: (0..<32 * 64).map { UInt8($0 % 3 * 127) })
  private let previous = Alpha(height: 32, width: 64, values: (0..<2048).map { Float($0) / 4096 })
  private let alpha = (0..<2048).map { Float($0) / 2048 }

  override func setUp() { AIModel.functions = ["mild", "aggressive"] }

  override func tearDown() { AIModel.stub = nil }

  private func run(_ mode: String, isLive: Bool = false, _ unit: ComputeUnit = .gpu, file: String = "model.aimodel")
    async throws -> Outputs
  {
    let manifest = try Manifest(Data(ManifestText.of("coreai", io: "tensor", mode: mode, isLive: isLive).utf8))
    let entry = manifest.entryPoints[0]
    let engine = try await CoreAIMaker().load(entry, manifest, file: folder.appendingPathComponent(file), unit: unit)
    return try await engine.run(
      Inputs(
        image: image, region: region, budget: entry.budgetInput.map { Float($0) }, previous: isLive ? previous : nil,
        previousPath: isLive ? [0.5, 1] : nil), entry)
  }

  private func given(_ change: (inout [String: NDArray?]) -> Void = { _ in }) -> [String: NDArray?] {
    var outputs: [String: NDArray?] = [
      "alpha": Self.floats(alpha, [1, 1, 32, 64]),
      "foreground": Self.floats((0..<3 * 2048).map { Float($0) }, [1, 3, 32, 64]),
    ]
    change(&outputs)
    return outputs
  }

  private static func floats(_ values: [Float], _ shape: [Int]) -> NDArray { NDArray(scalars: values, shape: shape) }

  private static func values(_ array: NDArray?) -> [Float] {
    guard let array else { return [] }
    return array.view(as: Float.self).withUnsafePointer { first, _, _ in
      (0..<array.shape.reduce(1, *)).map { first[$0] }
    }
  }

  func testTensorsGoInByNameAsPlanesOfFloats() async throws {
    let (image, region, previous, outputs) = (image, region, previous, given())
    AIModel.stub = { call, inputs in
      XCTAssertEqual(call.function, "mild")
      XCTAssertEqual(call.url.lastPathComponent, "model.aimodel")
      XCTAssertEqual(Set(inputs.keys), ["image", "mask", "previous", "budget", "previous_path"])
      XCTAssertTrue(inputs.values.allSatisfy { $0.scalarType == .float32 })
      XCTAssertEqual(inputs["image"]?.shape, [1, 3, 32, 64])
      XCTAssertEqual(inputs["mask"]?.shape, [1, 1, 32, 64])
      let planes = Self.values(inputs["image"])
      for (channel, y, x) in [(0, 0, 0), (1, 0, 5), (2, 31, 63), (1, 17, 40)] {
        XCTAssertEqual(planes[2048 * channel + 64 * y + x], Float(image.bytes[3 * (64 * y + x) + channel]))
      }
      XCTAssertEqual(Self.values(inputs["mask"]), region.values.map { Float($0) })
      XCTAssertEqual(Self.values(inputs["previous"]), previous.values)
      XCTAssertEqual(Self.values(inputs["budget"]), [2.5])
      XCTAssertEqual(Self.values(inputs["previous_path"]), [0.5, 1])
      return outputs.merging(
        ["path": Self.floats([1, 0], [2]), "cost": Self.floats([2.25], [1])], uniquingKeysWith: { $1 })
    }
    let found = try await run("dynamic", isLive: true)
    XCTAssertEqual(found.alpha, Alpha(height: 32, width: 64, values: alpha))
    XCTAssertEqual(found.foreground?.prefix(6), [0, 2048, 4096, 1, 2049, 4097])
    XCTAssertEqual(found.path, [1, 0])
    XCTAssertEqual(found.cost, 2.25)
  }

  func testAStaticGraphGivesNoPath() async throws {
    let outputs = given()
    AIModel.stub = { _, inputs in
      XCTAssertEqual(Set(inputs.keys), ["image", "trimap"])
      return outputs
    }
    let found = try await run("static")
    XCTAssertNil(found.path)
    XCTAssertNil(found.cost)
  }

  func testUnitsArePreferredAndTheCPUAloneIsDemanded() async throws {
    let outputs = given()
    let expected: [(ComputeUnit, ComputeUnitKind?, Int)] = [(.cpu, nil, 1), (.gpu, .gpu, 3), (.neuralEngine, .neuralEngine, 3)]
    for (unit, preferred, allowed) in expected {
      AIModel.stub = { call, _ in
        XCTAssertEqual(call.options.preferredComputeUnitKind, preferred)
        XCTAssertEqual(call.options.allowedComputeUnitKinds.count, allowed)
        return outputs
      }
      _ = try await run("multi", unit)
    }
  }

  func testAnOutputThatIsMissingOrOfAnotherFormIsRefused() async throws {
    for alpha in [
      nil, .some(nil), NDArray(scalars: [Int32](repeating: 0, count: 2048), shape: [1, 1, 32, 64]),
      Self.floats([0], [1]),
    ] as [NDArray??] {
      let outputs = given { outputs in
        outputs["alpha"] = nil
        if let alpha { outputs.updateValue(alpha, forKey: "alpha") }
      }
      AIModel.stub = { _, _ in outputs }
      await assertThrows(.damaged) { _ = try await self.run("static") }
    }
  }

  func testWhatCoreAISaysBecomesAnErrorOfThisLibrary() async {
    await assertThrows(.runtime) { _ = try await self.run("static") }  // no stub: the function throws
    await assertThrows(.runtime) { _ = try await self.run("static", file: "model.txt") }
    AIModel.functions = ["aggressive"]
    await assertThrows(.damaged) { _ = try await self.run("static") }
  }

  private func assertThrows(_ kind: PamEdgeError.Kind, line: UInt = #line, _ body: () async throws -> Void) async {
    do {
      try await body()
      XCTFail("an error of kind \(kind) is expected", line: line)
    } catch {
      XCTAssertEqual((error as? PamEdgeError)?.kind, kind, "\(error)", line: line)
    }
  }

  func testABundleIsTakenToTheRuntimeOfItsTarget() throws {
    for target in ["coreai", "coreml"] {
      XCTAssertEqual(try Makers.maker(for: target).target, target)
      XCTAssertEqual(try Matter(bundle: bundle(target)).artifact.manifest.target, target)
    }
    XCTAssertThrowsError(try Matter(bundle: bundle("tflite"))) { error in
      XCTAssertEqual((error as? PamEdgeError)?.kind, .unsuited)
    }
  }

  func testAnOlderSystemIsToldWhatCoreAITakes() {
    XCTAssertThrowsError(try Makers.maker(for: "coreai", coreAI: nil)) { error in
      XCTAssertEqual((error as? PamEdgeError)?.kind, .unsuited)
      XCTAssertTrue("\(error)".contains("iOS 27 or macOS 27"), "\(error)")
    }
    XCTAssertEqual(try Makers.maker(for: "coreml", coreAI: nil).target, "coreml")
  }

  private func bundle(_ target: String) throws -> URL {
    let bundle = folder.appendingPathComponent(target)
    try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
    let model = bundle.appendingPathComponent("model.\(target == "coreai" ? "aimodel" : "mlpackage")")
    try Data("a model".utf8).write(to: model)
    let text = ManifestText.of(target, io: "tensor", mode: "static", sha256: try Hashes.of(contentsOf: model))
    try Data(text.utf8).write(to: bundle.appendingPathComponent(Manifest.fileName))
    return bundle
  }

  func testAProbeIsLoadedOnceAndGivenEachPath() async throws {
    let kit = folder.appendingPathComponent("kit")
    try FileManager.default.createDirectory(at: kit.appendingPathComponent("inputs"), withIntermediateDirectories: true)
    let text = """
      {"file": "probe.aimodel", "io": "tensor", "inputs": [{"name": "image", "shape": [1, 3, 32, 64]},
       {"name": "trimap", "shape": [1, 1, 32, 64]}, {"name": "path", "shape": [2]}], "rounds": [["11", "01"]],
       "samples": {"target": "coreai", "runtime": "Core AI", "precision": "fp16", "height": 32, "width": 64,
       "variant": "pam-minute", "architecture_hash": "0123456789ab"}}
      """
    try Data(text.utf8).write(to: kit.appendingPathComponent("kit.json"))
    try Data(count: 4 * 3 * 2048).write(to: kit.appendingPathComponent("inputs/image.bin"))
    try Data(count: 4 * 2048).write(to: kit.appendingPathComponent("inputs/trimap.bin"))
    AIModel.functions = ["probe"]
    let (seen, alpha) = (Seen(), alpha)
    AIModel.stub = { _, inputs in
      seen.paths.append(Self.values(inputs["path"]))
      return ["alpha": Self.floats(alpha, [1, 1, 32, 64])]
    }
    let samples = try await Probe(kit: kit).run(
      CoreAIMaker(), unit: .neuralEngine, device: .current, tool: "a test 1.0", conditions: { Conditions() })
    XCTAssertEqual(samples.samples.map(\.path), ["11", "01"])
    XCTAssertEqual(samples.target, "coreai")
    XCTAssertEqual(seen.paths.suffix(2), [[1, 1], [0, 1]])
  }
}

/// What a stub was given; calls come one after the other.
private final class Seen: @unchecked Sendable { var paths: [[Float]] = [] }
