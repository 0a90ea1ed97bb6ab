import Foundation

/// A bundle's folder: the manifest, the model's files and the golden vectors.
public struct Artifact: Sendable {
  public let folder: URL
  public let manifest: Manifest

  /// Reads a folder's manifest, and checks that every model file is the one that was made.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if something is missing, was changed or leads out of the folder, and
  ///   newer if the manifest is of a newer schema.
  public init(folder: URL) throws {
    self.folder = folder
    let file = folder.appendingPathComponent(Manifest.fileName)
    guard let data = try? Data(contentsOf: file) else {
      throw PamEdgeError(
        .damaged, "Expected a bundle with \(Manifest.fileName); \(folder.lastPathComponent) has none that can be read. "
          + "Add the folder to the app as it is, not its files one by one.")
    }
    manifest = try Manifest(data)
    try checkFiles()
  }

  /// Models' hashes, one for each entry point.
  var modelSHA256: [String] { manifest.entryPoints.map(\.sha256) }

  func file(of entry: Manifest.EntryPoint) -> URL { folder.appendingPathComponent(entry.file) }

  func entries(of size: Size) -> [Manifest.EntryPoint] { manifest.entryPoints.filter { $0.size == size } }

  private func checkFiles() throws {
    var hashes: [String: String] = [:]
    for entry in manifest.entryPoints {
      let found = try hashes[entry.file] ?? hash(of: entry.file)
      hashes[entry.file] = found
      guard found == entry.sha256 else {
        throw PamEdgeError(
          .damaged, "Expected \(entry.file) as it was made; it was changed or damaged since: its SHA-256 is not the "
            + "manifest's. Copy the bundle again.")
      }
    }
  }

  private func hash(of name: String) throws -> String {
    try checkInside(name)
    let file = folder.appendingPathComponent(name)
    for each in (try? Hashes.names(in: file)) ?? [] { try checkInside("\(name)/\(each)") }
    return try Hashes.of(contentsOf: file)
  }

  /// Links may not lead out of the bundle.
  private func checkInside(_ name: String) throws {
    let root = folder.resolvingSymlinksInPath().standardizedFileURL.path
    let file = folder.appendingPathComponent(name).resolvingSymlinksInPath().standardizedFileURL.path
    guard file.hasPrefix(root + "/") else {
      throw PamEdgeError(
        .damaged, "Expected everything of a bundle to lie in its folder; \(name) is a link that leads out of it. Copy "
          + "the folder with what its links lead to.")
    }
  }

  /// Reads the golden vectors of an entry point.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if there are none, or one is missing or damaged.
  public func golden(of entry: Manifest.EntryPoint) throws -> [GoldenVector] {
    let records = manifest.golden.filter { $0.size == entry.size }
    guard !records.isEmpty else {
      throw PamEdgeError(
        .damaged, "Expected golden vectors of \(entry.name) in the bundle; its manifest names none. Without them nothing "
          + "tells whether this device computes what it should: package the bundle again.")
    }
    return try records.map { try GoldenVector(self, $0, entry) }
  }

  func read(_ name: String) throws -> Data {
    try checkInside(name)
    do {
      return try Data(contentsOf: folder.appendingPathComponent(name))
    } catch {
      throw PamEdgeError(
        .damaged, "Expected \(name) in the bundle; it cannot be read (\(error.localizedDescription)). Copy the bundle "
          + "again.")
    }
  }
}
