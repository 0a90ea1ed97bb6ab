import Foundation

/// Part of a device that does the arithmetic. What is asked for is not always what the platform uses.
public enum ComputeUnit: String, CaseIterable, Codable, Sendable {
  case cpu, gpu
  case neuralEngine = "neural_engine"

  /// Whether an app may use it when it is not in front: iOS ends GPU work there.
  public var isAllowedInBackground: Bool { self == .cpu }

  /// What the manifest calls it.
  var accelerator: String {
    switch self {
    case .cpu: "CPU"
    case .gpu: "GPU"
    case .neuralEngine: "Neural Engine"
    }
  }
}

/// What an entry point takes for one picture of exactly its size.
public struct Inputs: Equatable, Sendable {
  public let image: RGBImage
  /// Trimap of 0, 128 and 255, or mask, as the entry point's ends say.
  public let region: Greys
  /// Of a graph that chooses, in its unit.
  public let budget: Float?
  /// Of a live graph: the alpha that it gave for the last frame; -1 everywhere for a first one.
  public let previous: Alpha?
  /// Of a live graph that chooses: the path that it gave for the last frame; 0.5 everywhere for a first one.
  public let previousPath: [Float]?
  /// Of a probe, whose path is an input: for each block 1 run, 0 bypass.
  public let path: [Float]?

  public init(
    image: RGBImage, region: Greys, budget: Float?, previous: Alpha?, previousPath: [Float]?, path: [Float]? = nil
  ) {
    self.image = image
    self.region = region
    self.budget = budget
    self.previous = previous
    self.previousPath = previousPath
    self.path = path
  }
}

/// What an entry point gives.
public struct Outputs: Equatable, Sendable {
  public let alpha: Alpha
  /// Of a cut-out: straight colours 0 to 255, three values a pixel.
  public let foreground: [Float]?
  /// Of a graph that chooses: for each block 1 run, 0 bypass.
  public let path: [Float]?
  /// Of a graph that chooses: predicted cost of that path.
  public let cost: Float?

  public init(alpha: Alpha, foreground: [Float]?, path: [Float]?, cost: Float?) {
    self.alpha = alpha
    self.foreground = foreground
    self.path = path
    self.cost = cost
  }
}

/// One function of a model file, loaded on a compute unit.
public protocol Engine: Sendable {
  /// Runs it.
  ///
  /// - Parameters:
  ///   - inputs: that fit the entry point.
  ///   - entry: one that the function serves.
  /// - Throws: ``PamEdgeError`` of kind runtime.
  func run(_ inputs: Inputs, _ entry: Manifest.EntryPoint) async throws -> Outputs
}

/// A platform's runtime.
public protocol EngineMaker: Sendable {
  /// The manifest's target whose files it takes, such as `coreml`.
  var target: String { get }
  /// With its version, such as `Core ML 18.1`.
  var runtime: String { get }
  /// That it can ask for, in order of preference, the CPU last.
  var units: [ComputeUnit] { get }

  /// Loads an entry point's function.
  ///
  /// - Parameters:
  ///   - entry: whose function it is.
  ///   - manifest: of the artifact.
  ///   - file: the model's file, whose hash was checked.
  ///   - unit: to ask for.
  /// - Throws: ``PamEdgeError`` of kind runtime or unsuited.
  func load(_ entry: Manifest.EntryPoint, _ manifest: Manifest, file: URL, unit: ComputeUnit) async throws -> any Engine
}
