#if canImport(CoreAI)
  import CoreAI
  import PamEdgeCore

  /// One function of a Core AI model. Core AI takes calls from several tasks at once, and makes buffers for each.
  @available(iOS 27, macOS 27, *)
  struct CoreAIEngine: Engine {
    let function: InferenceFunction

    func run(_ inputs: Inputs, _ entry: Manifest.EntryPoint) async throws -> Outputs {
      var arrays: [String: NDArray] = [:]
      for tensor in entry.inputs {
        arrays[tensor.name] = NDArray(scalars: try Tensors.row(of: tensor, inputs, entry), shape: tensor.shape)
      }
      var found: InferenceFunction.Outputs
      do {
        found = try await function.run(inputs: arrays)
      } catch {
        throw PamEdgeError(.runtime, "Core AI could not run \(entry.name): \(error.localizedDescription)")
      }
      var values: [String: [Float]] = [:]
      for output in entry.outputs {
        guard let value = found.remove(output.name), let array = value.ndArray else { throw Tensors.absent(output.name) }
        values[output.name] = try Self.floats(array)
      }
      return try Tensors.outputs(of: entry, values)
    }

    /// Returns the values in order: arrays that a function returns are documented to have no gaps.
    ///
    /// - Throws: ``PamEdgeError`` of kind damaged for other types than float32, which a view of floats must not see.
    private static func floats(_ array: NDArray) throws -> [Float] {
      guard array.scalarType == .float32 else {
        throw PamEdgeError(.damaged, "Expected the model's outputs in float32. Package the bundle again.")
      }
      let count = array.shape.reduce(1, *)
      return array.view(as: Float.self).withUnsafePointer { first, _, _ in
        Array(UnsafeBufferPointer(start: first, count: count))
      }
    }
  }
#endif
