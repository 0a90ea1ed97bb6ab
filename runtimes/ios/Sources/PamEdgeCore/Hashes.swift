import Foundation

/// SHA-256 of what a bundle holds, as the manifest states it.
public enum Hashes {
  /// Returns the hash of bytes, as 64 lower-case hexadecimal digits.
  public static func of(_ bytes: some Sequence<UInt8>) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.hexDigest()
  }

  /// Returns the hash of a package folder's files: of each name, a zero byte, the size in decimal digits, a zero byte
  /// and the contents, in the order of the names' parts.
  ///
  /// - Parameter files: contents by name below the folder, parts joined by `/`.
  public static func of(files: [String: [UInt8]]) -> String {
    var hash = SHA256()
    for name in files.keys.sorted(by: precedes) {
      let content = files[name] ?? []
      hash.update("\(name)\0\(content.count)\0".utf8)
      hash.update(content)
    }
    return hash.hexDigest()
  }

  /// Returns the hash of a file or of a package folder.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if it is missing or cannot be read.
  public static func of(contentsOf url: URL) throws -> String {
    guard isFolder(url) else { return of(try read(url)) }
    var files: [String: [UInt8]] = [:]
    for name in try names(in: url) { files[name] = try read(url.appendingPathComponent(name)) }
    return of(files: files)
  }

  /// Names of all files below a folder, parts joined by `/`.
  static func names(in folder: URL) throws -> [String] {
    guard let found = try? FileManager.default.subpathsOfDirectory(atPath: folder.path) else {
      throw PamEdgeError(.damaged, "\(folder.lastPathComponent) cannot be listed. Copy the bundle again.")
    }
    return found.filter { !isFolder(folder.appendingPathComponent($0)) }
  }

  /// Code points decide, part by part: Swift's own order of strings is another, and `/` is no character of a name.
  private static func precedes(_ one: String, _ other: String) -> Bool {
    let (left, right) = (one.split(separator: "/"), other.split(separator: "/"))
    for (a, b) in zip(left, right) where !a.unicodeScalars.elementsEqual(b.unicodeScalars) {
      return a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
    }
    return left.count < right.count
  }

  private static func isFolder(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  private static func read(_ url: URL) throws -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: url))
    } catch {
      throw PamEdgeError(
        .damaged, "Expected \(url.lastPathComponent) in the bundle; it cannot be read (\(error.localizedDescription)). "
          + "Copy the bundle again.")
    }
  }
}
