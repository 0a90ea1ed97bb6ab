#if canImport(CoreAI)
  import CoreAI
  import Foundation
  import PamEdgeCore

  /// Loads models in Core AI, which specialises each for the device once, and keeps what it made.
  @available(iOS 27, macOS 27, *)
  public struct CoreAIMaker: EngineMaker {
    public let target = "coreai"
    public let units: [ComputeUnit] = [.neuralEngine, .gpu, .cpu]

    public init() {}

    public var runtime: String { "Core AI \(System.version)" }

    public func load(
      _ entry: Manifest.EntryPoint, _ manifest: Manifest, file: URL, unit: ComputeUnit
    ) async throws -> any Engine {
      do {
        let model = try await AIModel(contentsOf: file, options: Self.options(unit))
        guard let function = try model.loadFunction(named: entry.function) else {
          throw PamEdgeError(
            .damaged, "Expected the function \(entry.function) in \(entry.file); it has none of that name. Package the "
              + "bundle again.")
        }
        return CoreAIEngine(function: function)
      } catch where !(error is PamEdgeError) {
        throw PamEdgeError(
          .runtime, "Core AI could not load \(entry.file) on \(unit.rawValue): \(error.localizedDescription)")
      }
    }

    /// A unit other than the CPU is preferred, not demanded: what it does not take, another computes.
    private static func options(_ unit: ComputeUnit) -> SpecializationOptions {
      switch unit {
      case .cpu: .cpuOnly
      case .gpu: SpecializationOptions(preferredComputeUnitKind: .gpu)
      case .neuralEngine: SpecializationOptions(preferredComputeUnitKind: .neuralEngine)
      }
    }
  }
#endif
