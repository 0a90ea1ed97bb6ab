// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled, and tried, where Apple's frameworks are not. Where the documentation does not say whether a
// value can be copied, it cannot: code that does without compiles either way.

@_exported import Foundation

public enum ComputeUnitKind: Sendable { case cpu, gpu, neuralEngine }

public struct SpecializationOptions: Sendable {
  public static let `default` = SpecializationOptions([.cpu, .gpu, .neuralEngine], nil)
  public static let cpuOnly = SpecializationOptions([.cpu], nil)
  public let allowedComputeUnitKinds: Set<ComputeUnitKind>
  public let preferredComputeUnitKind: ComputeUnitKind?

  public init(preferredComputeUnitKind: ComputeUnitKind) {
    self.init([.cpu, .gpu, .neuralEngine], preferredComputeUnitKind)
  }

  private init(_ allowed: Set<ComputeUnitKind>, _ preferred: ComputeUnitKind?) {
    (allowedComputeUnitKinds, preferredComputeUnitKind) = (allowed, preferred)
  }
}

/// Swift's own, which is younger than the compiler that tests here; nothing looks into it.
public struct Span<Element> {}

public struct NDArray: Sendable {
  public enum ScalarType: Sendable { case float16, float32, int32 }

  public let shape: [Int]
  public let scalarType: ScalarType
  private let bytes: [UInt8]

  public init<Scalar>(scalars: some Sequence<Scalar>, shape: [Int]) where Scalar: BitwiseCopyable {
    self.shape = shape
    scalarType = Scalar.self == Float.self ? .float32 : Scalar.self == Int32.self ? .int32 : .float16
    bytes = scalars.flatMap { scalar in withUnsafeBytes(of: scalar) { Array($0) } }
    precondition(bytes.count == MemoryLayout<Scalar>.size * shape.reduce(1, *), "as many scalars as the shape has places")
  }

  public func view<T>(as type: T.Type = T.self) -> View<T> where T: BitwiseCopyable {
    precondition((T.self == Float.self) == (scalarType == .float32), "the type of the array's scalars")
    return View(bytes: bytes)
  }

  public struct View<Element> where Element: BitwiseCopyable {
    fileprivate let bytes: [UInt8]

    public func withUnsafePointer<R, E>(
      _ body: (UnsafePointer<Element>, Span<Int>, Span<Int>) throws(E) -> R
    ) throws(E) -> R where E: Error {
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: bytes.count, alignment: MemoryLayout<Element>.alignment)
      defer { buffer.deallocate() }
      buffer.copyBytes(from: bytes)
      return try body(UnsafePointer(buffer.bindMemory(to: Element.self).baseAddress!), Span(), Span())
    }
  }
}

public struct InferenceValue: ~Copyable {
  private let array: NDArray?
  fileprivate init(_ array: NDArray?) { self.array = array }
  public var ndArray: NDArray? { consuming get { array } }
}

public struct InferenceFunction: Sendable {
  public struct MutableViews: ~Copyable { public init() {} }

  public struct Outputs: ~Copyable {
    fileprivate var arrays: [String: NDArray?]
    public mutating func remove(_ outputName: String) -> InferenceValue? {
      guard let array = arrays.removeValue(forKey: outputName) else { return nil }
      return InferenceValue(array)
    }
  }

  fileprivate let call: AIModel.Call

  public func run(
    inputs: [String: NDArray], states: consuming MutableViews = MutableViews(),
    outputViews: consuming MutableViews = MutableViews()
  ) async throws -> Outputs {
    guard let stub = AIModel.stub else { throw CocoaError(.featureUnsupported) }
    return Outputs(arrays: try stub(call, inputs))
  }
}

/// A model that does what a test says.
public struct AIModel: Sendable {
  public struct Call: Sendable {
    public let url: URL
    public let options: SpecializationOptions
    public let function: String
  }

  /// Nil stands for an output that is no array.
  public typealias Stub = (Call, [String: NDArray]) throws -> [String: NDArray?]
  /// Both are set by a test before it loads a model.
  nonisolated(unsafe) public static var stub: Stub?
  nonisolated(unsafe) public static var functions: Set<String> = []

  private let url: URL
  private let options: SpecializationOptions

  public init(contentsOf modelURL: URL, options: SpecializationOptions = .default) async throws {
    guard modelURL.pathExtension == "aimodel" else { throw CocoaError(.fileReadCorruptFile) }
    (url, self.options) = (modelURL, options)
  }

  public func loadFunction(named functionName: String) throws -> InferenceFunction? {
    guard Self.functions.contains(functionName) else { return nil }
    return InferenceFunction(call: Call(url: url, options: options, function: functionName))
  }
}
