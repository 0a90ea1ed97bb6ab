import Foundation
import XCTest

@testable import PamEdgeCore

final class ContractTests: XCTestCase {
  func testHashes() async throws {
    try await Contract.each("hashes") { each, _ in
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      defer { try? FileManager.default.removeItem(at: folder) }
      for file in each["files"].array {
        let url = folder.appendingPathComponent(file["path"].string)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(file["base64"].bytes).write(to: url)
      }
      let found = try Hashes.of(contentsOf: folder.appendingPathComponent(each["root"].string))
      XCTAssertEqual(found, each.expect.string, each.name)
    }
  }

  func testBands() async throws {
    try await Contract.each("bands") { each, _ in
      if each.kind == "mask" {
        let found = Bands.mask(
          fromTrimap: each["trimap"].greys, bandPx: each["band_px"].int, height: each["height"].int, width: each["width"].int)
        return XCTAssertEqual(found, each.expect.greys, each.name)
      }
      let band = each["band_px"] == .null ? nil : each["band_px"].int
      XCTAssertEqual(try Bands.trimap(fromMask: each["mask"].greys, bandPx: band), each.expect.greys, each.name)
    }
  }

  func testForeground() async throws {
    try await Contract.each("foreground") { each, tolerance in
      let alpha = each["alpha"].alpha
      let rgba = Foreground.cutOut(each["image"].rgb, alpha: alpha).bytes
      var found: [Float] = []
      for (pixel, opacity) in alpha.values.enumerated() {
        found += rgba[4 * pixel..<4 * pixel + 3].map { opacity * Float($0) }
      }
      assertClose(found, each.expect.floats, tolerance, each.name)
    }
  }

  func testEveryTopicIsRunHere() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Contract.folder.path).filter { $0.hasSuffix(".json") }
    XCTAssertEqual(
      names.sorted(),
      [
        "bands", "controller", "device_outputs", "foreground", "golden", "hashes", "ladder", "manifest", "pixels", "probe",
        "tiling",
      ].map { "\($0).json" })
  }

  func testTiling() async throws {
    try await Contract.each("tiling") { each, tolerance in
      switch each.kind {
      case "size":
        let sizes = each["sizes"].array.map { Size(height: $0.array[0].int, width: $0.array[1].int) }
        let found = Tiling.chooseSize(sizes, height: each["height"].int, width: each["width"].int)
        XCTAssertEqual([found?.height, found?.width], each.expect.array.map(\.int), each.name)
      case "axis":
        let axis = Axis(size: each["size"].int, tile: each["tile"].int)
        XCTAssertEqual(axis.length, each.expect["length"].int, each.name)
        XCTAssertEqual(axis.starts, each.expect["starts"].array.map(\.int), each.name)
        guard each.expect["weights"] != .null else { return }
        assertClose(axis.weights.flatMap { $0 }, each.expect["weights"].floats, tolerance, each.name)
      case "matte":
        let (height, width) = (each["model"].array[0].int, each["model"].array[1].int)
        let tiling = Tiling(height: height, width: width, model: toyModel)
        let alpha = try await tiling.matte(each["image"].rgb, trimap: each["trimap"].greys)
        assertClose(alpha.values, each.expect.floats, tolerance, each.name)
      default: XCTFail("\(each.name): the kind \(each.kind) is not known")
      }
    }
  }

  func testController() async throws {
    try await Contract.each("controller") { each, tolerance in
      let units = each["units"].array
      var controller = Controller(
        costs: each["costs"].array.map(\.double),
        units: units.map {
          Controller.Unit(
            name: $0["name"].string, inBackground: $0["in_background"].flag!, pace: $0["self_test_pace"].number)
        })
      let truth = Dictionary(uniqueKeysWithValues: units.map { ($0["name"].string, $0["true_pace"].double) })
      var (levels, used, missed) = ([Int](), [String?](), 0)
      for call in each["calls"].array {
        let conditions = Conditions(
          thermal: try XCTUnwrap(Thermal(rawValue: call["thermal"].string)), lowPower: call["low_power"].flag!,
          background: call["background"].flag!)
        let choice = controller.choose(deadlineMs: call["deadline_ms"].double, conditions: conditions)
        levels.append(choice.level)
        used.append(choice.unit)
        guard let unit = choice.unit else { continue }
        let measuredMs = controller.costs[choice.level] * truth[unit]! * call["slowdown"].double
        missed += measuredMs > call["deadline_ms"].double ? 1 : 0
        controller.record(choice, measuredMs: measuredMs)
      }
      XCTAssertEqual(levels, each.expect["levels"].array.map(\.int), each.name)
      XCTAssertEqual(used, each.expect["units"].array.map(\.text), each.name)
      XCTAssertEqual(missed, each.expect["missed"].int, each.name)
      XCTAssertEqual(units.map { $0["name"].string }.sorted(), each.expect["paces"].keys, each.name)
      for unit in each.expect["paces"].keys {
        let expected = each.expect["paces"][unit].number
        guard let pace = controller.pace(of: unit), let expected else {
          XCTAssertEqual(controller.pace(of: unit), expected, each.name)
          continue
        }
        XCTAssertEqual(pace, expected, accuracy: tolerance, each.name)
      }
    }
  }

  func testLadder() async throws {
    try await Contract.each("ladder") { each, _ in
      guard each.kind == "verdict" else {
        let key = Ladder.verdictKey(
          device: each["device"].string, system: each["system"].string, runtime: each["runtime"].string,
          modelSHA256: each["sha256"].array.map(\.string))
        return XCTAssertEqual(key, each.expect.text, each.name)
      }
      let verdict = Ladder.decide(
        each["trials"].array.map {
          Ladder.Trial(
            unit: $0["unit"].string, error: $0["error"].text, isRight: $0["is_right"].flag,
            latencyMs: $0["latency_ms"].number)
        })
      XCTAssertEqual(verdict.unit, each.expect["unit"].text, each.name)
      let steps = each.expect["steps"].array.map { [$0["unit"].string, $0["fault"].string] }
      XCTAssertEqual(verdict.steps.map { [$0.unit, $0.fault.rawValue] }, steps, each.name)
    }
  }

  func testGolden() async throws {
    try await Contract.each("golden") { each, tolerance in
      let limits = Limits.of(try XCTUnwrap(Manifest.Precision(rawValue: each["precision"].string)))
      if each.kind == "path" {
        let (found, expected) = (each["found"].string, each["expected"].string)
        let tie = Paths.isTie(
          found, expected: expected, margins: each["margins"].array.map(\.number), noise: limits.gateMargin)
        XCTAssertEqual(found == expected, each.expect["same"].flag, each.name)
        return XCTAssertEqual(tie, each.expect["tie"].flag, each.name)
      }
      let trimap = each["trimap"].greys
      let off =
        each.kind == "alpha"
        ? try Deviation(each["found"].alpha, expected: each["expected"].alpha, trimap: trimap)
        : try Deviation(
          colours: (each["alpha"].alpha, each["found"].floats), expected: (each["alpha"].alpha, each["expected"].floats),
          trimap: trimap)
      XCTAssertEqual(off.isWithin(limits), each.expect["passes"].flag, each.name)
      if let maxAbs = each.expect["max_abs"].number {
        XCTAssertEqual(off.maxAbs, maxAbs, accuracy: tolerance, each.name)
      } else {
        XCTAssertFalse(off.maxAbs.isFinite, each.name)
      }
      if let rms = each.expect["rms"].number { XCTAssertEqual(off.rms, rms, accuracy: tolerance, each.name) }
    }
  }

  func testProbe() async throws {
    try await Contract.each("probe") { each, tolerance in
      if each.kind == "statistics" {
        let times = each["latency_ms"].array.map(\.double)
        XCTAssertEqual(Statistics.median(times)!, each.expect["median"].double, accuracy: tolerance, each.name)
        return XCTAssertEqual(Statistics.p90(times)!, each.expect["p90"].double, accuracy: tolerance, each.name)
      }
      let about = each["about"]
      let taken = each["samples"].array.map {
        Samples.Sample(
          path: $0["path"].string, round: $0["round"].int, latencyMs: $0["latency_ms"].double,
          thermal: Thermal(rawValue: $0["thermal"].string))
      }
      let samples = Samples(
        device: about["device"].string, soc: about["soc"].string, os: about["os"].string,
        target: about["target"].string, runtime: about["runtime"].string,
        runtimeVersion: about["runtime_version"].string, computeUnit: about["compute_unit"].string,
        delegate: about["delegate"].string, threads: about["threads"].int, precision: about["precision"].string,
        height: about["height"].int, width: about["width"].int, variant: about["variant"].string,
        architectureHash: about["architecture_hash"].string, date: about["date"].string, tool: about["tool"].string,
        peakMemoryBytes: each["peak_memory_bytes"] == .null ? nil : each["peak_memory_bytes"].int, samples: taken)
      let written = try JSONDecoder().decode(JSONValue.self, from: samples.encoded())
      XCTAssertEqual(written, each.expect, each.name)
    }
  }

  func testDeviceOutputs() async throws {
    try await Contract.each("device_outputs") { each, _ in
      let files = DeviceOutputs.files(
        entryPoint: each["entry_point"].string, picture: each["picture"].string, alpha: each["alpha"].floats,
        foreground: each["foreground"] == .null ? nil : each["foreground"].floats,
        path: each["path"].text.map { $0.map { $0 == "1" ? 1 : 0 } })
      XCTAssertEqual(files.keys.sorted(), each.expect.keys, each.name)
      for (name, data) in files { XCTAssertEqual(data.base64EncodedString(), each.expect[name].string, each.name) }
    }
  }

  func testPixels() async throws {
    try await Contract.each("pixels") { each, _ in
      let layout = Pixels.Layout(
        height: each["height"].int, width: each["width"].int, rowBytes: each["row_bytes"].int,
        format: try XCTUnwrap(Pixels.Format(rawValue: each["order"].string)),
        isPremultiplied: each["premultiplied"].flag!, orientation: each["orientation"].int)
      let found = try each["bytes"].bytes.withUnsafeBytes { try Pixels.rgb($0, layout) }
      XCTAssertEqual(found, each.expect.rgb, each.name)
    }
  }

  func testManifest() async throws {
    try await Contract.each("manifest") { each, _ in
      let data = Data(each["text"].string.utf8)
      if let kind = each.expect["error"].text {
        XCTAssertThrowsError(try Manifest(data), each.name) { error in
          XCTAssertEqual((error as? PamEdgeError)?.kind.rawValue, kind, each.name)
        }
      } else {
        assertEqual(reading(try Manifest(data)), each.expect, each.name)
      }
    }
  }
}

/// Half the mean of red, green and blue, half the place from left to right in the tile; known pixels as they are.
private let toyModel: Tiling.Model = { image, trimap in
  let values = trimap.values.enumerated().map { index, grey -> Float in
    guard grey == Bands.unknown else { return grey == Bands.foreground ? 1 : 0 }
    let sum = (0..<3).reduce(Float(0)) { $0 + Float(image.bytes[3 * index + $1]) }
    return (sum / 765 + Float(index % trimap.width) / Float(trimap.width - 1)) / 2
  }
  return Alpha(height: trimap.height, width: trimap.width, values: values)
}

private func assertClose(_ found: [Float], _ expected: [Float], _ tolerance: Double, _ name: String) {
  XCTAssertEqual(found.count, expected.count, name)
  let worst = zip(found, expected).map { abs(Double($0) - Double($1)) }.max() ?? .infinity
  XCTAssertLessThanOrEqual(worst, tolerance, name)
}

/// Whether all that a case expects is there, numbers by value: a cost may be written as 20 or 20.0.
private func assertEqual(_ found: JSONValue, _ expected: JSONValue, _ name: String) {
  switch (found, expected) {
  case (.object(let one), .object(let other)):
    XCTAssertEqual(one.keys.sorted(), other.keys.sorted(), name)
    for (key, value) in other { assertEqual(one[key] ?? .null, value, "\(name).\(key)") }
  case (.array(let one), .array(let other)):
    XCTAssertEqual(one.count, other.count, name)
    for (index, pair) in zip(one, other).enumerated() { assertEqual(pair.0, pair.1, "\(name).\(index)") }
  default:
    if let one = found.number, let other = expected.number { return XCTAssertEqual(one, other, name) }
    XCTAssertEqual(found, expected, name)
  }
}

private func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
private func optional(_ number: Int?) -> JSONValue { number.map(JSONValue.int) ?? .null }
private func optional(_ number: Double?) -> JSONValue { number.map(JSONValue.double) ?? .null }

/// What an app needs of a manifest, as the cases write it.
private func reading(_ manifest: Manifest) -> JSONValue {
  .object([
    "target": .string(manifest.target), "mode": .string(manifest.mode.rawValue),
    "precision": .string(manifest.precision.rawValue), "io": .string(manifest.io.rawValue),
    "verified": .bool(manifest.isVerified),
    "sizes": .array(manifest.sizes.map { .array([.int($0.height), .int($0.width)]) }),
    "block_count": .int(manifest.blockCount), "margin": optional(manifest.selection?.margin),
    "entry_points": .array(manifest.entryPoints.map(reading)), "golden": .array(manifest.golden.map(reading)),
  ])
}

private func reading(_ entry: Manifest.EntryPoint) -> JSONValue {
  func tensors(_ tensors: [Manifest.Tensor]) -> JSONValue {
    .array(tensors.map { .object(["name": .string($0.name), "shape": .array($0.shape.map(JSONValue.int))]) })
  }
  return .object([
    "name": .string(entry.name), "height": .int(entry.size.height), "width": .int(entry.size.width),
    "source": .string(entry.ends.source.rawValue), "result": .string(entry.ends.result.rawValue),
    "band_px": .int(entry.ends.bandPx), "mask_height": optional(entry.ends.maskHeight),
    "mask_width": optional(entry.ends.maskWidth), "inputs": tensors(entry.inputs), "outputs": tensors(entry.outputs),
    "path": optional(entry.path), "function": .string(entry.function), "budget_input": optional(entry.budgetInput),
    "predicted_cost": .double(entry.predictedCost), "cost_unit": .string(entry.costUnit),
    "cost_provenance": .string(entry.costProvenance), "file": .string(entry.file), "sha256": .string(entry.sha256),
  ])
}

private func reading(_ golden: Manifest.Golden) -> JSONValue {
  .object([
    "picture": .string(golden.picture), "height": .int(golden.size.height), "width": .int(golden.size.width),
    "image": .string(golden.image), "trimap": .string(golden.trimap), "mask": optional(golden.mask),
    "alphas": .object(golden.alphas.mapValues(JSONValue.string)),
    "foregrounds": .object(golden.foregrounds.mapValues(JSONValue.string)),
    "paths": .object(
      golden.paths.mapValues { .object(["file": .string($0.file), "margins": .array($0.margins.map { optional($0) })]) }),
  ])
}
