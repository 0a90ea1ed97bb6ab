import Foundation
import XCTest

@testable import PamEdgeCore

final class MatterTests: XCTestCase {
  private let picture = FakeBundle.picture(FakeBundle.side, FakeBundle.side)
  private let region = Region.trimap(FakeBundle.trimap(FakeBundle.side, FakeBundle.side))
  private let quick: [ComputeUnit: Double] = [.neuralEngine: 0.5, .gpu: 1.5, .cpu: 3]

  func testACutOutIsWhatTheModelSays() async throws {
    let matter = try FakeBundle().matter(FakeNetwork(paces: quick))
    let found = try await matter.cutOut(picture, region)
    let expected = FakeNetwork.alpha(picture, FakeBundle.trimap(FakeBundle.side, FakeBundle.side))
    XCTAssertEqual(found.alpha, expected)
    XCTAssertEqual(found.entryPoint, "mild")
    XCTAssertEqual(found.paths, ["10"])
    XCTAssertEqual(found.unit, .neuralEngine)
    XCTAssertNil(found.note)
    XCTAssertGreaterThanOrEqual(found.totalMs, found.networkMs)
    let opaque = try XCTUnwrap(expected.values.lastIndex(of: 1))
    XCTAssertEqual(Array(found.image.bytes[4 * opaque..<4 * opaque + 4]), Array(picture.bytes[3 * opaque..<3 * opaque + 3]) + [255])
  }

  func testAnyPictureSizeIsTaken() async throws {
    let matter = try FakeBundle().matter(FakeNetwork())
    for (height, width) in [(1, 1), (7, 5), (64, 65), (200, 150)] {
      let (image, trimap) = (FakeBundle.picture(height, width), FakeBundle.stripes(height, width))
      let found = try await matter.cutOut(image, .trimap(trimap))
      XCTAssertEqual([found.image.height, found.image.width], [height, width])
      let expected = FakeNetwork.alpha(image, trimap).values
      let worst = zip(found.alpha.values, expected).map { abs($0 - $1) }.max()!
      XCTAssertLessThan(worst, 1e-5, "\(height)x\(width)")
    }
  }

  func testAGraphsOwnColoursAreTakenWhereOneCallSeesThePicture() async throws {
    let matter = try FakeBundle(isCutOut: true).matter(FakeNetwork())
    for (height, width, isOwn) in [(40, 50, true), (64, 64, true), (64, 65, false)] {
      let found = try await matter.cutOut(
        FakeBundle.picture(height, width), .trimap(FakeBundle.stripes(height, width))).image
      let colours = Set((0..<height * width).map { Array(found.bytes[4 * $0..<4 * $0 + 3]) })
      XCTAssertEqual(colours == [[10, 20, 30]], isOwn, "\(height)x\(width)")
    }
  }

  func testAMaskIsMadeATrimap() async throws {
    let matter = try FakeBundle().matter(FakeNetwork())
    var mask = Greys(height: 64, width: 64, repeating: 0)
    for y in 10..<50 { for x in 20..<64 { mask[y, x] = 255 } }
    let found = try await matter.cutOut(picture, .mask(mask))
    XCTAssertEqual(found.alpha, FakeNetwork.alpha(picture, try Bands.trimap(fromMask: mask)))
  }

  func testWhateverComputesSomethingElseIsSteppedOver() async throws {
    let faults: [(String, FakeNetwork.Fault)] = [
      ("a changed weight", .changedWeight), ("channels in another order", .swappedChannels),
      ("a wrong stride", .wrongStride), ("another output in alpha's place", .swappedOutputs), ("no numbers", .notANumber),
    ]
    for (name, fault) in faults {
      let matter = try FakeBundle().matter(FakeNetwork(faults: [.neuralEngine: fault], paces: quick))
      let found = try await matter.prepare()
      XCTAssertEqual(found.unit, .gpu, name)
      XCTAssertEqual(found.steps, [Ladder.Step(unit: "neural_engine", fault: .wrong)], name)
      XCTAssertNotNil(found.reports[0].judgements[0].reason, name)
    }
  }

  func testTheLadderGoesDownToTheCPU() async throws {
    let network = FakeNetwork(faults: [.neuralEngine: .cannotLoad], paces: [.gpu: 6, .cpu: 1])
    let found = try await FakeBundle().matter(network).prepare()
    XCTAssertEqual(found.unit, .cpu)
    XCTAssertEqual(
      found.steps,
      [Ladder.Step(unit: "neural_engine", fault: .cannotLoad), Ladder.Step(unit: "gpu", fault: .slower)])
  }

  func testNothingIsCutOutWhereNothingIsRight() async throws {
    let all = Dictionary(uniqueKeysWithValues: ComputeUnit.allCases.map { ($0, FakeNetwork.Fault.changedWeight) })
    let matter = try FakeBundle().matter(FakeNetwork(faults: all))
    let message = await assertThrows(.wrong) { _ = try await matter.cutOut(self.picture, self.region) }
    XCTAssertTrue(message.contains("cpu: alpha is off by"), message)
  }

  func testAVerdictIsRememberedForOneDeviceSystemAndModel() async throws {
    let bundle = try FakeBundle()
    let network = FakeNetwork(paces: quick)
    _ = try await bundle.matter(network).prepare()
    await network.log.forget()
    let again = try await bundle.matter(network).prepare()
    XCTAssertNil(again.selfTestMs)
    let loads = await network.log.loads
    XCTAssertEqual(Set(loads), [.neuralEngine])
    let afterUpdate = try await bundle.matter(network, system: "iOS 26.2 (23C10)").prepare()
    XCTAssertNotNil(afterUpdate.selfTestMs)
  }

  func testCallsAtOnceTestTheDeviceOnce() async throws {
    let network = FakeNetwork(paces: quick)
    let matter = try FakeBundle().matter(network)
    let (picture, region) = (picture, region)
    async let one = matter.cutOut(picture, region)
    async let other = matter.cutOut(picture, region)
    let found = try await [one, other]
    XCTAssertEqual(found[0].alpha, found[1].alpha)
    let tests = await network.log.runs.filter { $0.hasPrefix("gpu") }.count
    XCTAssertEqual(tests, 7)  // two golden vectors and five timed calls, once
  }

  func testUnitsThatTheManifestRulesOutAreNotTried() async throws {
    let bundle = try FakeBundle { manifest in
      manifest["accelerators"] = [
        ["accelerator": "CPU", "suits": true, "why": ""], ["accelerator": "GPU", "suits": false, "why": ""],
        ["accelerator": "Neural Engine", "suits": false, "why": ""],
      ]
    }
    let network = FakeNetwork()
    let found = try await bundle.matter(network).prepare()
    XCTAssertEqual(found.unit, .cpu)
    let loads = await network.log.loads
    XCTAssertEqual(Set(loads), [.cpu])
  }

  // MARK: - Budgets

  func testADeadlineChoosesTheEntryPoint() async throws {
    let matter = try FakeBundle().matter(FakeNetwork(faults: [.neuralEngine: .cannotLoad, .gpu: .cannotLoad], paces: [.cpu: 5]))
    let tight = try await matter.cutOut(picture, region, within: .deadline(ms: 15))  // 10 and 20 ms are offered
    XCTAssertEqual(tight.entryPoint, "aggressive")
    let wide = try await matter.cutOut(picture, region, within: .budget(1000))
    XCTAssertEqual(wide.entryPoint, "mild")
    XCTAssertEqual(try XCTUnwrap(tight.predictedMs), 10, accuracy: 1e-9)
    XCTAssertEqual(tight.networkMs, 10, accuracy: 1e-9)
  }

  func testADeadlineIsTheNetworksTimeForAllTiles() async throws {
    let network = FakeNetwork(faults: [.neuralEngine: .cannotLoad, .gpu: .cannotLoad], paces: [.cpu: 5])
    let matter = try FakeBundle().matter(network)
    let (image, trimap) = (FakeBundle.picture(64, 150), FakeBundle.stripes(64, 150))
    let wide = try await matter.cutOut(image, .trimap(trimap), within: .deadline(ms: 1000))
    let each = wide.networkMs / Double(wide.paths.count)
    XCTAssertGreaterThan(wide.paths.count, 1)
    XCTAssertEqual(wide.entryPoint, "mild")
    XCTAssertEqual(each, 20, accuracy: 1e-9)
    let tight = try await matter.cutOut(image, .trimap(trimap), within: .deadline(ms: 1.5 * each))
    XCTAssertEqual(tight.entryPoint, "aggressive")
  }

  func testADeadlineHandsADynamicGraphTheBudgetOfItsLevel() async throws {
    let network = FakeNetwork(faults: [.neuralEngine: .cannotLoad, .gpu: .cannotLoad], paces: [.cpu: 5])
    let bundle = try FakeBundle(isDynamic: true)
    let matter = try bundle.matter(network)
    for (deadline, name) in [(1000.0, "mild"), (0.001, "aggressive")] {
      let found = try await matter.cutOut(picture, region, within: .deadline(ms: deadline))
      XCTAssertEqual(found.entryPoint, name)
      let entry = try XCTUnwrap(matter.artifact.manifest.entryPoints.first { $0.name == name })
      let budgets = await network.log.budgets
      XCTAssertEqual(budgets.last, entry.budgetInput.map { Float($0) })
    }
  }

  func testABudgetIsNamedOrACost() async throws {
    let matter = try FakeBundle().matter(FakeNetwork())
    for entry in matter.artifact.manifest.entryPoints {
      for limit in [Limit.named(entry.name), .named(entry.budget), .budget(entry.predictedCost)] {
        let found = try await matter.cutOut(picture, region, within: limit)
        XCTAssertEqual(found.entryPoint, entry.name)
      }
    }
    await assertThrows(.usage, "unknown") { _ = try await matter.cutOut(self.picture, self.region, within: .named("12ms")) }
    await assertThrows(.usage, "too little") { _ = try await matter.cutOut(self.picture, self.region, within: .budget(0.001)) }
    let dynamic = try FakeBundle(isDynamic: true).matter(FakeNetwork())
    await assertThrows(.usage, "nothing") { _ = try await dynamic.cutOut(self.picture, self.region, within: .budget(0)) }
    await assertThrows(.usage, "no number") { _ = try await matter.cutOut(self.picture, self.region, within: .deadline(ms: .nan)) }
  }

  func testABudgetReachesADynamicGraph() async throws {
    let network = FakeNetwork()
    let matter = try FakeBundle(isDynamic: true).matter(network)
    _ = try await matter.cutOut(picture, region, within: .budget(3.25))
    let budgets = await network.log.budgets
    XCTAssertEqual(budgets.last, 2.75)  // milliseconds are a promise: the manifest's margin of 0.5 goes off
  }

  func testInTheBackgroundTheCPUWorks() async throws {
    let told = Told()
    let matter = try FakeBundle().matter(FakeNetwork(paces: quick), conditions: told)
    let inFront = try await matter.cutOut(picture, region)
    XCTAssertEqual(inFront.unit, .neuralEngine)
    told.now.background = true
    let away = try await matter.cutOut(picture, region, within: .deadline(ms: 100))
    XCTAssertEqual(away.unit, .cpu)
    XCTAssertNotNil(away.note)
  }

  func testWorkThatTheSystemEndsGoesOnOnTheCPU() async throws {
    let network = FakeNetwork(faults: [.neuralEngine: .cannotLoad, .gpu: .fails(after: 30)], paces: [.cpu: 2])
    let matter = try FakeBundle().matter(network)
    var notes: [String?] = []
    for _ in 0..<30 { notes.append(try await matter.cutOut(picture, region).note) }
    XCTAssertNil(notes[0])
    XCTAssertEqual(notes.last!, "gpu failed: ended in the background")
  }

  func testWithoutARightCPUNothingRunsInTheBackground() async throws {
    let told = Told()
    let matter = try FakeBundle().matter(FakeNetwork(faults: [.cpu: .changedWeight]), conditions: told)
    _ = try await matter.cutOut(picture, region)
    told.now.background = true
    await assertThrows(.runtime) { _ = try await matter.cutOut(self.picture, self.region) }
  }

  // MARK: - Bad input

  func testPicturesAndMasksThatDoNotFitAreRefused() async throws {
    let matter = try FakeBundle().matter(FakeNetwork())
    let empty = RGBImage(height: 0, width: 0, bytes: [])
    await assertThrows(.usage, "0x0") {
      _ = try await matter.cutOut(empty, .mask(Greys(height: 0, width: 0, repeating: 0)))
    }
    let message = await assertThrows(.usage, "another size") {
      _ = try await matter.cutOut(self.picture, .mask(Greys(height: 32, width: 64, repeating: 255)))
    }
    XCTAssertTrue(message.contains("64x64") && message.contains("32x64"), message)
  }

  func testTamperedAndIncompleteBundlesAreRefused() async throws {
    let tampered = try FakeBundle()
    try tampered.write("model.mlpackage/Data/weight.bin", Data("Weights".utf8))
    await assertThrows(.damaged, "a changed model") { _ = try tampered.matter(FakeNetwork()) }
    let more = try FakeBundle()
    try more.write("model.mlpackage/another", Data())
    await assertThrows(.damaged, "a file too many") { _ = try more.matter(FakeNetwork()) }
    let headless = try FakeBundle()
    try FileManager.default.removeItem(at: headless.folder.appendingPathComponent("manifest.json"))
    await assertThrows(.damaged, "no manifest") { _ = try headless.matter(FakeNetwork()) }
    let newer = try FakeBundle { $0["schema_version"] = 3 }
    await assertThrows(.newer, "a newer schema") { _ = try newer.matter(FakeNetwork()) }
    let android = try FakeBundle(target: "tflite")
    await assertThrows(.unsuited, "another platform's") { _ = try android.matter(FakeNetwork()) }
    let linked = try FakeBundle()
    let weights = linked.folder.appendingPathComponent("model.mlpackage/Data/weight.bin")
    let elsewhere = linked.folder.deletingLastPathComponent().appendingPathComponent(UUID().uuidString)
    try FileManager.default.moveItem(at: weights, to: elsewhere)
    try FileManager.default.createSymbolicLink(at: weights, withDestinationURL: elsewhere)
    let message = await assertThrows(.damaged, "a link that leads out") { _ = try linked.matter(FakeNetwork()) }
    XCTAssertTrue(message.contains("link"), message)
  }

  func testWithoutGoldenVectorsNothingIsCutOut() async throws {
    let none = try FakeBundle { $0["golden"] = [Any]() }
    await assertThrows(.damaged, "none") { _ = try await none.matter(FakeNetwork()).prepare() }
    let missing = try FakeBundle()
    try FileManager.default.removeItem(at: missing.folder.appendingPathComponent("golden/mild.one.alpha.f32"))
    await assertThrows(.damaged, "missing") { _ = try await missing.matter(FakeNetwork()).prepare() }
    let short = try FakeBundle()
    try short.write("golden/mild.one.alpha.f32", Data(count: 4))
    await assertThrows(.damaged, "cut short") { _ = try await short.matter(FakeNetwork()).prepare() }
  }

  func testDeviceOutputsAreNamedAsTheGoldenVectors() async throws {
    let bundle = try FakeBundle(isDynamic: true)
    let outputs = bundle.folder.appendingPathComponent("outputs")
    try await bundle.matter(FakeNetwork()).writeDeviceOutputs(to: outputs)
    let names = try FileManager.default.contentsOfDirectory(atPath: outputs.path).sorted()
    XCTAssertEqual(
      names, ["aggressive.one.alpha.f32", "aggressive.one.path.f32", "mild.one.alpha.f32", "mild.one.path.f32"])
    for name in names {
      XCTAssertEqual(
        try Data(contentsOf: outputs.appendingPathComponent(name)),
        try Data(contentsOf: bundle.folder.appendingPathComponent("golden/\(name)")), name)
    }
  }
}
