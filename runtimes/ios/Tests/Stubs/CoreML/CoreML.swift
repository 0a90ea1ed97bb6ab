// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled, and tried, where Apple's frameworks are not.

@_exported import CoreVideo

public enum MLComputeUnits: Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

public final class MLModelConfiguration {
  public var computeUnits = MLComputeUnits.all
  public var functionName: String?
  public init() {}
}

public enum MLMultiArrayDataType: Sendable { case double, float32, float16, int32 }

/// Rows of the last dimension are padded by three values, so that strides have to be respected.
public final class MLMultiArray {
  public let shape: [NSNumber]
  public let strides: [NSNumber]
  public let dataType: MLMultiArrayDataType
  private var bytes: [UInt8]

  public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
    self.shape = shape
    self.dataType = dataType
    var (step, strides) = (1, [Int]())
    for (axis, size) in shape.map(\.intValue).enumerated().reversed() {
      strides.insert(step, at: 0)
      step *= axis == shape.count - 1 ? size + 3 : size
    }
    self.strides = strides.map { NSNumber(value: $0) }
    bytes = [UInt8](repeating: 0x5a, count: step * (dataType == .float16 ? 2 : 4))
  }

  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try bytes.withUnsafeBytes(body)
  }

  public func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer, [Int]) throws -> R) rethrows -> R {
    let strides = strides.map(\.intValue)
    return try bytes.withUnsafeMutableBytes { try body($0, strides) }
  }
}

public final class MLFeatureValue {
  public let imageBufferValue: CVPixelBuffer?
  public let multiArrayValue: MLMultiArray?
  public init(pixelBuffer: CVPixelBuffer) { (imageBufferValue, multiArrayValue) = (pixelBuffer, nil) }
  public init(multiArray: MLMultiArray) { (imageBufferValue, multiArrayValue) = (nil, multiArray) }
}

public protocol MLFeatureProvider {
  func featureValue(for featureName: String) -> MLFeatureValue?
}

public final class MLDictionaryFeatureProvider: MLFeatureProvider {
  private let values: [String: MLFeatureValue]
  public init(dictionary: [String: Any]) throws { values = dictionary.compactMapValues { $0 as? MLFeatureValue } }
  public func featureValue(for featureName: String) -> MLFeatureValue? { values[featureName] }
}

/// A model that does what a test says.
public final class MLModel {
  public typealias Stub = (URL, MLModelConfiguration, any MLFeatureProvider) throws -> any MLFeatureProvider
  /// Set by a test before it loads a model.
  nonisolated(unsafe) public static var stub: Stub?
  nonisolated(unsafe) public static var compiled = 0

  private let url: URL
  private let configuration: MLModelConfiguration

  private init(_ url: URL, _ configuration: MLModelConfiguration) {
    self.url = url
    self.configuration = configuration
  }

  public static func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLModel {
    guard FileManager.default.fileExists(atPath: url.path) else { throw CocoaError(.fileNoSuchFile) }
    return MLModel(url, configuration)
  }

  public static func compileModel(at url: URL) async throws -> URL {
    compiled += 1
    let made = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mlmodelc")
    try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    return made
  }

  public func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
    guard let stub = Self.stub else { throw CocoaError(.featureUnsupported) }
    return try stub(url, configuration, input)
  }
}
