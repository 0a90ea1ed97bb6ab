#if canImport(CoreML)
  @preconcurrency import CoreML
  import CoreVideo
  import Foundation
  import PamEdgeCore

  /// One function of a Core ML model on one compute unit; predictions take turns.
  actor CoreMLEngine: Engine {
    private let model: MLModel
    private let io: Manifest.IO

    /// - Parameters:
    ///   - compiled: model.
    ///   - unit: to ask for.
    ///   - function: of a file that has several; else nil.
    ///   - io: form of pictures.
    /// - Throws: what Core ML says; ``PamEdgeError`` of kind unsuited if the system knows no functions.
    init(compiled: URL, unit: ComputeUnit, function: String?, io: Manifest.IO) async throws {
      let configuration = MLModelConfiguration()
      configuration.computeUnits = Self.computeUnits(unit)
      if let function {
        guard #available(iOS 18, macOS 15, *) else {
          throw PamEdgeError(
            .unsuited, "Several entry points in one file take iOS 18 or macOS 15; this is older. Convert with --mode "
              + "static for older systems.")
        }
        configuration.functionName = function
      }
      model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
      self.io = io
    }

    private static func computeUnits(_ unit: ComputeUnit) -> MLComputeUnits {
      switch unit {
      case .cpu: .cpuOnly
      case .gpu: .cpuAndGPU
      case .neuralEngine: .cpuAndNeuralEngine
      }
    }

    func run(_ inputs: Inputs, _ entry: Manifest.EntryPoint) throws -> Outputs {
      let features = try MLDictionaryFeatureProvider(dictionary: features(inputs, entry))
      let found: any MLFeatureProvider
      do {
        found = try model.prediction(from: features)
      } catch {
        throw PamEdgeError(.runtime, "Core ML could not run \(entry.name): \(error.localizedDescription)")
      }
      return try outputs(found, entry)
    }

    private func features(_ inputs: Inputs, _ entry: Manifest.EntryPoint) throws -> [String: MLFeatureValue] {
      var features: [String: MLFeatureValue] = [:]
      for tensor in entry.inputs {
        features[tensor.name] = try feature(tensor, inputs, entry)
      }
      return features
    }

    private func feature(
      _ tensor: Manifest.Tensor, _ inputs: Inputs, _ entry: Manifest.EntryPoint
    ) throws -> MLFeatureValue {
      if io == .image, let picture = try picture(tensor, inputs, entry) { return MLFeatureValue(pixelBuffer: picture) }
      let row = try Tensors.row(of: tensor, inputs, entry)
      return try Arrays.value(tensor.shape) { row[$0] }
    }

    /// Returns the inputs that are images where any is.
    private func picture(
      _ tensor: Manifest.Tensor, _ inputs: Inputs, _ entry: Manifest.EntryPoint
    ) throws -> CVPixelBuffer? {
      switch tensor.name {
      case "image": try Pixels.buffer(of: inputs.image)
      case entry.ends.source.region: try Pixels.buffer(of: inputs.region)
      case "previous": try inputs.previous.map { try Pixels.buffer(of: $0) }
      default: nil
      }
    }

    private func outputs(_ found: any MLFeatureProvider, _ entry: Manifest.EntryPoint) throws -> Outputs {
      var values: [String: [Float]] = [:]
      for name in entry.outputs.map(\.name) {
        values[name] =
          switch (io, name) {
          case (.image, "alpha"): try Pixels.alpha(value(found, name, \.imageBufferValue)).values
          case (.image, "foreground"): try Pixels.rgb(value(found, name, \.imageBufferValue)).bytes.map { Float($0) }
          default: try Arrays.floats(value(found, name, \.multiArrayValue))
          }
      }
      return try Tensors.outputs(of: entry, values, isInterleaved: io == .image)
    }

    private func value<T>(
      _ found: any MLFeatureProvider, _ name: String, _ form: (MLFeatureValue) -> T?
    ) throws -> T {
      guard let value = found.featureValue(for: name).flatMap(form) else { throw Tensors.absent(name) }
      return value
    }
  }

  /// Multi-arrays as rows of floats, whatever their strides and type.
  enum Arrays {
    /// Returns float32 of a shape.
    ///
    /// - Parameter element: of a place, counted along the last dimension first.
    static func value(_ shape: [Int], _ element: (Int) -> Float) throws -> MLFeatureValue {
      let array = try MLMultiArray(shape: shape.map { NSNumber(value: $0) }, dataType: .float32)
      array.withUnsafeMutableBytes { bytes, strides in
        for place in 0..<shape.reduce(1, *) {
          bytes.storeBytes(of: element(place), toByteOffset: 4 * offset(place, shape, strides), as: Float.self)
        }
      }
      return MLFeatureValue(multiArray: array)
    }

    /// Returns the values in order, without gaps.
    ///
    /// - Throws: ``PamEdgeError`` of kind damaged for other types than float32 and float16.
    static func floats(_ array: MLMultiArray) throws -> [Float] {
      let shape = array.shape.map(\.intValue), strides = array.strides.map(\.intValue)
      let type = array.dataType
      guard type == .float32 || type == .float16 else {
        throw PamEdgeError(.damaged, "Expected the model's outputs in float32 or float16. Package the bundle again.")
      }
      return array.withUnsafeBytes { bytes in
        (0..<shape.reduce(1, *)).map { place in
          let at = offset(place, shape, strides)
          return type == .float32
            ? bytes.loadUnaligned(fromByteOffset: 4 * at, as: Float.self)
            : Half.float(bytes.loadUnaligned(fromByteOffset: 2 * at, as: UInt16.self))
        }
      }
    }

    private static func offset(_ place: Int, _ shape: [Int], _ strides: [Int]) -> Int {
      var (rest, offset) = (place, 0)
      for axis in shape.indices.reversed() {
        offset += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      return offset
    }
  }
#endif
