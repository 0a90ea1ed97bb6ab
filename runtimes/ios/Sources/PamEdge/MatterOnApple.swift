#if canImport(CoreML) && canImport(Vision)
  import CoreVideo
  import Foundation
  import PamEdgeCore

  extension Matter {
    /// Opens a bundle in Core ML on this device. Make one when the app starts, and keep it.
    ///
    /// - Parameters:
    ///   - bundle: folder with `manifest.json`, the model and `golden/`, as `pam-edge package` wrote it.
    ///   - conditions: of the device; an app makes one.
    /// - Throws: ``PamEdgeError`` if the bundle is damaged, newer than this library or for another platform.
    public init(bundle: URL, conditions: DeviceConditions = DeviceConditions()) throws {
      try self.init(
        folder: bundle, maker: CoreMLMaker(), device: .current,
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
