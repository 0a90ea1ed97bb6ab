import Foundation

/// What a device computed of the golden vectors, in the files that `pam-edge verify --device-outputs` reads.
public enum DeviceOutputs {
  /// Returns the files of one entry point and picture: raw little-endian float32, rows from the top.
  ///
  public static func files(
    entryPoint: String, picture: String, alpha: [Float], foreground: [Float]?, path: [Float]?
  ) -> [String: Data] {
    let base = "\(entryPoint).\(picture)"
    var files = ["\(base).alpha.f32": Floats.data(alpha)]
    if let path { files["\(base).path.f32"] = Floats.data(path) }
    if let foreground { files["\(base).foreground.f32"] = Floats.data(foreground) }
    return files
  }

  /// Writes files into a folder, which is made if it is not there.
  public static func write(_ files: [String: Data], to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, data) in files { try data.write(to: folder.appendingPathComponent(name), options: .atomic) }
  }
}

/// Raw little-endian float32.
enum Floats {
  static func data(_ values: [Float]) -> Data {
    var data = Data(capacity: 4 * values.count)
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    return data
  }

  static func values(_ data: Data) -> [Float]? {
    guard data.count % 4 == 0 else { return nil }
    return data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
      }
    }
  }
}
