#if canImport(CoreML)
  @preconcurrency import CoreML
  import Foundation
  import PamEdgeCore

  /// Loads models in Core ML. A package is compiled once for each model and system, and kept.
  public struct CoreMLMaker: EngineMaker {
    public let target = "coreml"
    public let units: [ComputeUnit] = [.neuralEngine, .gpu, .cpu]
    private let cache: URL

    /// - Parameter cache: folder for compiled models, which is made; the app's caches by default.
    public init(cache: URL? = nil) {
      self.cache = cache ?? AppFolders.caches.appendingPathComponent("models")
    }

    public var runtime: String { "Core ML \(System.version)" }

    public func load(
      _ entry: Manifest.EntryPoint, _ manifest: Manifest, file: URL, unit: ComputeUnit
    ) async throws -> any Engine {
      // A file of one function is an ordinary package, which older systems take as well.
      let function = manifest.mode == .multi && manifest.entryPoints.count != 1 ? entry.function : nil
      do {
        let compiled = try await compiled(file, entry.sha256)
        do {
          return try await CoreMLEngine(compiled: compiled, unit: unit, function: function, io: manifest.io)
        } catch where !(error is PamEdgeError) {
          // Kept from another version of the system, it may be useless by now: once more, from the package.
          try? FileManager.default.removeItem(at: compiled)
          let again = try await self.compiled(file, entry.sha256)
          return try await CoreMLEngine(compiled: again, unit: unit, function: function, io: manifest.io)
        }
      } catch where !(error is PamEdgeError) {
        throw PamEdgeError(
          .runtime, "Core ML could not load \(entry.file) on \(unit.rawValue): \(error.localizedDescription)")
      }
    }

    /// Returns the compiled model, made now if it was not before.
    private func compiled(_ file: URL, _ sha256: String) async throws -> URL {
      let name = sha256.isEmpty ? try Hashes.of(contentsOf: file) : sha256
      let kept = cache.appendingPathComponent("\(name).mlmodelc")
      if FileManager.default.fileExists(atPath: kept.path) { return kept }
      let made = try await MLModel.compileModel(at: file)
      try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
      do {
        try FileManager.default.moveItem(at: made, to: kept)
      } catch where FileManager.default.fileExists(atPath: kept.path) {
        try? FileManager.default.removeItem(at: made)  // another call was faster
      }
      return kept
    }
  }
#endif
