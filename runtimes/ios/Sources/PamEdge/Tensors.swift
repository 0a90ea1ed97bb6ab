import PamEdgeCore

/// Inputs and outputs as rows of floats without gaps, channels before rows: what every runtime takes and gives as tensors.
enum Tensors {
  /// Returns what an input tensor holds, along the last dimension first.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if nothing is known to be given for it, or not as much as it takes.
  static func row(of tensor: Manifest.Tensor, _ inputs: Inputs, _ entry: Manifest.EntryPoint) throws -> [Float] {
    guard let row = known(tensor.name, inputs, entry) else {
      throw PamEdgeError(.damaged, "The model takes an input, \(tensor.name), that nothing is known to be given for.")
    }
    return try sized(row, tensor.shape.reduce(1, *), "the input \(tensor.name)")
  }

  private static func known(_ name: String, _ inputs: Inputs, _ entry: Manifest.EntryPoint) -> [Float]? {
    switch name {
    case "image":
      let (bytes, size) = (inputs.image.bytes, inputs.image.height * inputs.image.width)
      return (0..<3 * size).map { Float(bytes[3 * ($0 % size) + $0 / size]) }
    case entry.ends.source.region: return inputs.region.values.map { Float($0) }
    case "previous": return inputs.previous?.values
    case "budget": return inputs.budget.map { [$0] }
    case "previous_path": return inputs.previousPath
    case "path": return inputs.path
    default: return nil
    }
  }

  /// Returns what an entry point gives.
  ///
  /// - Parameters:
  ///   - entry: that ran.
  ///   - values: by output, along the last dimension first.
  ///   - isInterleaved: whether colours are three values a pixel, and not planes.
  /// - Throws: ``PamEdgeError`` of kind damaged if there are more or fewer than the manifest says.
  static func outputs(
    of entry: Manifest.EntryPoint, _ values: [String: [Float]], isInterleaved: Bool = false
  ) throws -> Outputs {
    let (height, width) = (entry.size.height, entry.size.width), count = height * width
    guard let alpha = values["alpha"] else { throw absent("alpha") }
    let foreground = try values["foreground"].map { colours in
      let colours = try sized(colours, 3 * count, "foreground")
      return isInterleaved ? colours : (0..<3 * count).map { colours[$0 % 3 * count + $0 / 3] }
    }
    return Outputs(
      alpha: Alpha(height: height, width: width, values: try sized(alpha, count, "alpha")), foreground: foreground,
      path: values["path"], cost: values["cost"]?.first)
  }

  /// What to say of an output that a model does not give.
  static func absent(_ name: String) -> PamEdgeError {
    PamEdgeError(
      .damaged, "Expected the model to give \(name) as the manifest says; it does not. Package the bundle again.")
  }

  private static func sized(_ values: [Float], _ count: Int, _ what: String) throws -> [Float] {
    guard values.count == count else {
      throw PamEdgeError(.damaged, "Expected \(count) values of \(what); there are \(values.count). Package the bundle again.")
    }
    return values
  }
}
