import CoreML
import CoreVideo
import Foundation
import PamEdgeCore
import UIKit
import Vision
import XCTest

@testable import PamEdge

/// The code that calls Core ML and Vision, against stubs of both: what reaches a model, and what is read of its outputs.
final class CoreMLTests: XCTestCase {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("models-\(UUID().uuidString)")
  private let image = RGBImage(height: 32, width: 64, bytes: (0..<32 * 64 * 3).map { UInt8($0 % 251) })
  private let trimap = Greys(height: 32, width: 64, values: (0..<32 * 64).map { UInt8($0 % 3 * 127) })

  override func setUp() { MLModel.compiled = 0 }

  override func tearDown() { MLModel.stub = nil }

  private func run(_ io: String, _ mode: String, _ unit: ComputeUnit = .gpu) async throws -> Outputs {
    let manifest = try Manifest(Data(ManifestText.of("coreml", io: io, mode: mode).utf8))
    let entry = manifest.entryPoints[0]
    let engine = try await CoreMLMaker(cache: folder).load(
      entry, manifest, file: folder.appendingPathComponent("model.mlpackage"), unit: unit)
    return try await engine.run(
      Inputs(
        image: image, region: trimap, budget: entry.budgetInput.map { Float($0) }, previous: nil, previousPath: nil),
      entry)
  }

  /// A model that gives what went in, by channels, so that a test sees both ways.
  func testImagesGoInAndOutWhateverTheRowsArePaddedBy() async throws {
    let expected = Alpha(height: 32, width: 64, values: (0..<2048).map { Float($0) / 2048 })
    let (image, trimap) = (image, trimap)
    MLModel.stub = { _, configuration, input in
      XCTAssertEqual(configuration.computeUnits, .cpuAndGPU)
      XCTAssertNil(configuration.functionName)
      XCTAssertEqual(try Pixels.rgb(XCTUnwrap(input.featureValue(for: "image")?.imageBufferValue)), image)
      XCTAssertEqual(try Pixels.greys(XCTUnwrap(input.featureValue(for: "trimap")?.imageBufferValue)), trimap)
      return try MLDictionaryFeatureProvider(dictionary: [
        "alpha": MLFeatureValue(pixelBuffer: try Pixels.buffer(of: expected)),
        "foreground": MLFeatureValue(pixelBuffer: try Pixels.buffer(of: image)),
      ])
    }
    let found = try await run("image", "static")
    XCTAssertEqual(found.alpha, expected)  // 2048ths are exact in half precision
    XCTAssertEqual(found.foreground, image.bytes.map { Float($0) })
    XCTAssertNil(found.path)
  }

  func testTensorsGoInAndOutWhateverTheirStrides() async throws {
    let (image, trimap) = (image, trimap)
    MLModel.stub = { _, _, input in
      let planes = try XCTUnwrap(input.featureValue(for: "image")?.multiArrayValue)
      XCTAssertEqual(planes.shape, [1, 3, 32, 64])
      for (channel, y, x) in [(0, 0, 0), (1, 0, 5), (2, 31, 63), (1, 17, 40)] {
        XCTAssertEqual(Self.element(planes, [0, channel, y, x]), Float(image.bytes[3 * (64 * y + x) + channel]))
      }
      let region = try Arrays.floats(XCTUnwrap(input.featureValue(for: "trimap")?.multiArrayValue))
      XCTAssertEqual(region, trimap.values.map { Float($0) })
      XCTAssertEqual(try Arrays.floats(XCTUnwrap(input.featureValue(for: "budget")?.multiArrayValue)), [2.5])
      return try MLDictionaryFeatureProvider(dictionary: [
        "alpha": try Arrays.value([1, 1, 32, 64]) { Float($0) }, "foreground": MLFeatureValue(
          multiArray: try XCTUnwrap(input.featureValue(for: "image")?.multiArrayValue)),
        "path": try Arrays.value([2]) { Float(1 - $0) }, "cost": try Arrays.value([1]) { _ in 2.25 },
      ])
    }
    let found = try await run("tensor", "dynamic")
    XCTAssertEqual(found.alpha.values, (0..<2048).map { Float($0) })
    XCTAssertEqual(found.foreground, image.bytes.map { Float($0) })
    XCTAssertEqual(found.path, [1, 0])
    XCTAssertEqual(found.cost, 2.25)
  }

  func testHalvesAreReadByTheirStridesToo() throws {
    let array = try MLMultiArray(shape: [2, 5], dataType: .float16)
    array.withUnsafeMutableBytes { bytes, strides in
      for (y, x) in [(0, 0), (0, 4), (1, 0), (1, 4)] {
        let at = 2 * (y * strides[0] + x * strides[1])
        bytes.storeBytes(of: Half.bits(Float(10 * y + x)), toByteOffset: at, as: UInt16.self)
      }
    }
    let found = try Arrays.floats(array)
    XCTAssertEqual([found[0], found[4], found[5], found[9]], [0, 4, 10, 14])
    XCTAssertThrowsError(try Arrays.floats(MLMultiArray(shape: [1], dataType: .int32)))
  }

  /// Read as Core ML's documentation says, not as the library does.
  private static func element(_ array: MLMultiArray, _ place: [Int]) -> Float {
    let offset = zip(place, array.strides).reduce(0) { $0 + $1.0 * $1.1.intValue }
    return array.withUnsafeBytes { $0.load(fromByteOffset: 4 * offset, as: Float.self) }
  }

  func testAFunctionIsChosenAndAModelCompiledOnce() async throws {
    MLModel.stub = { url, configuration, _ in
      XCTAssertEqual(configuration.functionName, "mild")
      XCTAssertEqual(url.lastPathComponent, "\(String(repeating: "a", count: 64)).mlmodelc")
      throw CocoaError(.featureUnsupported)
    }
    for unit in ComputeUnit.allCases {
      do {
        _ = try await run("image", "multi", unit)
        XCTFail("an error of kind runtime is expected")
      } catch {
        XCTAssertEqual((error as? PamEdgeError)?.kind, .runtime)
      }
    }
    XCTAssertEqual(MLModel.compiled, 1)
  }

  func testAnOutputThatIsMissingOrOfAnotherFormIsRefused() async throws {
    let (image, trimap) = (image, trimap)
    for alpha in [
      nil, MLFeatureValue(pixelBuffer: try Pixels.buffer(of: trimap)), try Arrays.value([1]) { _ in 0 },
      MLFeatureValue(pixelBuffer: try Pixels.buffer(of: Alpha(height: 16, width: 64, repeating: 0))),
    ] {
      MLModel.stub = { _, _, _ in
        var values = ["foreground": MLFeatureValue(pixelBuffer: try Pixels.buffer(of: image))]
        values["alpha"] = alpha
        return try MLDictionaryFeatureProvider(dictionary: values)
      }
      do {
        _ = try await run("image", "static")
        XCTFail("an error is expected")
      } catch {
        XCTAssertTrue(error is PamEdgeError, "\(error)")
      }
    }
  }

  func testVisionsMasksAreScaledToTheUprightPhotograph() throws {
    let photo = Photo(image: try XCTUnwrap(Self.cgImage(height: 4, width: 8)), orientation: 6)
    VNImageRequestHandler.stub = { format in
      guard format == kCVPixelFormatType_OneComponent8 else { return Self.shares() }
      return try? Pixels.buffer(of: Greys(height: 4, width: 2, repeating: 200))
    }
    defer { VNImageRequestHandler.stub = nil }
    XCTAssertEqual(try Masks.of(.person, in: photo), Greys(height: 8, width: 4, repeating: 200))
    XCTAssertEqual(try Masks.of(.foreground, in: photo).values, (0..<32).map { $0 % 4 < 2 ? 0 : 255 })
    VNImageRequestHandler.stub = nil
    XCTAssertThrowsError(try Masks.of(.person, in: photo)) { error in
      XCTAssertEqual((error as? PamEdgeError)?.kind, .usage)
    }
  }

  func testPhotographsComeUprightAndCutOutsGoBack() throws {
    let photo = Photo(image: try XCTUnwrap(Self.cgImage(height: 4, width: 8)), orientation: 6)
    let upright = try photo.rgb()
    XCTAssertEqual([upright.height, upright.width], [8, 4])
    XCTAssertEqual(Array(upright.bytes[9..<12]), [0, 1, 2])  // what is stored first is at the upper right
    let cutOut = RGBAImage(height: 1, width: 2, bytes: [9, 8, 7, 100, 6, 5, 4, 255])
    let back = try XCTUnwrap(cutOut.cgImage())
    XCTAssertEqual(back.alphaInfo, .last)
    XCTAssertEqual(back.bytes, cutOut.bytes)
  }

  func testTheBackgroundIsNoticed() {
    let conditions = DeviceConditions()
    XCTAssertFalse(conditions.now.background)
    NotificationCenter.default.post(name: UIApplication.didEnterBackgroundNotification, object: nil)
    XCTAssertTrue(conditions.now.background)
    NotificationCenter.default.post(name: UIApplication.willEnterForegroundNotification, object: nil)
    XCTAssertFalse(conditions.now.background)
    ProcessInfo.stubbedThermalState = .serious
    defer { ProcessInfo.stubbedThermalState = .nominal }
    XCTAssertEqual(conditions.now.thermal, .serious)
  }

  /// Shares of 0 and 1 as Vision gives them: nothing to the left, all to the right.
  private static func shares() -> CVPixelBuffer? {
    var made: CVPixelBuffer?
    _ = CVPixelBufferCreate(nil, 4, 8, kCVPixelFormatType_OneComponent32Float, nil, &made)
    guard let buffer = made else { return nil }
    CVPixelBufferLockBaseAddress(buffer, [])
    defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
    for y in 0..<8 {
      for x in 0..<4 {
        CVPixelBufferGetBaseAddress(buffer)?.storeBytes(
          of: Float(x < 2 ? 0 : 1), toByteOffset: y * CVPixelBufferGetBytesPerRow(buffer) + 4 * x, as: Float.self)
      }
    }
    return buffer
  }

  private static func cgImage(height: Int, width: Int) -> CGImage? {
    var bytes: [UInt8] = []
    for pixel in 0..<height * width { bytes += [UInt8(3 * pixel), UInt8(3 * pixel + 1), UInt8(3 * pixel + 2), 255] }
    return RGBAImage(height: height, width: width, bytes: bytes).cgImage()
  }
}
