#if canImport(CoreML) && canImport(Vision)
  import CoreVideo
  import Foundation
  import PamEdgeCore

  extension Matter {
    /// Opens a bundle in Core ML or Core AI, as it was made, on this device. Make one when the app starts, and keep it.
    ///
    /// - Parameters:
    ///   - bundle: folder with `manifest.json`, the model and `golden/`, as `pam-edge package` wrote it.
    ///   - conditions: of the device; an app makes one.
    /// - Throws: ``PamEdgeError`` if the bundle is damaged, newer than this library, for another platform or a newer system.
    public init(bundle: URL, conditions: DeviceConditions = DeviceConditions()) throws {
      let artifact = try Artifact(folder: bundle)
      try self.init(
        artifact: artifact, maker: try Makers.maker(for: artifact.manifest.target), device: .current,
        verdicts: Verdicts(file: AppFolders.caches.appendingPathComponent("verdicts.json")),
        conditions: { conditions.now })
    }

    /// Cuts a subject out of a photograph's file, with the mask that Vision makes of it.
    ///
    /// - Throws: as ``cutOut(_:_:within:)`` and ``Masks/of(_:in:)``.
    public nonisolated func cutOut(
      photo data: Data, _ subject: Subject = .person, within limit: Limit = .best
    ) async throws -> CutOut {
      let photo = try Photo(data: data)
      let (image, mask) = (try photo.rgb(), try Masks.of(subject, in: photo))
      return try await cutOut(image, .mask(mask), within: limit)
    }
  }
#endif
