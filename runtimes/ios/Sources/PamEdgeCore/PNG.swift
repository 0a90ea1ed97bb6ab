/// Reads the PNG files of golden vectors: eight bits, grey or RGB, not interlaced.
///
/// A platform's own reader would convert colours; golden inputs have to arrive byte for byte, by code that is the same
/// wherever it was tested.
enum PNG {
  struct Damage: Error {}

  private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  /// Of a side, as far as a graph's inputs go.
  private static let largestSide = 8192

  /// Returns height, width, channels (1 or 3) and the pixels' bytes.
  static func decode(_ file: [UInt8]) throws -> (height: Int, width: Int, channels: Int, bytes: [UInt8]) {
    guard file.count > 33, file.starts(with: signature) else { throw Damage() }
    var (at, header, data) = (8, [UInt8](), [UInt8]())
    while at + 12 <= file.count {
      let size = number(file, at)
      guard size <= file.count - at - 12 else { throw Damage() }
      let body = file[at + 8..<at + 8 + size]
      switch String(decoding: file[at + 4..<at + 8], as: UTF8.self) {
      case "IHDR": header = Array(body)
      case "IDAT": data += body
      case "IEND": at = file.count
      default: break
      }
      at += size + 12
    }
    guard header.count == 13 else { throw Damage() }
    let (width, height) = (number(header, 0), number(header, 4))
    guard let channels = [0: 1, 2: 3][Int(header[9])], header[8] == 8, header[10] == 0, header[11] == 0,
      header[12] == 0, (1...largestSide).contains(width), (1...largestSide).contains(height)
    else { throw Damage() }
    let rowBytes = width * channels
    guard let filtered = try? Inflate.zlib(data, size: height * (rowBytes + 1)) else { throw Damage() }
    return (height, width, channels, try unfilter(filtered, height, rowBytes, channels))
  }

  private static func unfilter(_ filtered: [UInt8], _ height: Int, _ rowBytes: Int, _ step: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: height * rowBytes)
    for y in 0..<height {
      let kind = filtered[y * (rowBytes + 1)]
      guard kind <= 4 else { throw Damage() }
      for x in 0..<rowBytes {
        let at = y * rowBytes + x
        let left = x >= step ? Int(bytes[at - step]) : 0
        let above = y > 0 ? Int(bytes[at - rowBytes]) : 0
        let corner = x >= step && y > 0 ? Int(bytes[at - rowBytes - step]) : 0
        let guess = [0, left, above, (left + above) / 2, nearest(left, above, corner)][Int(kind)]
        bytes[at] = filtered[y * (rowBytes + 1) + 1 + x] &+ UInt8(guess)
      }
    }
    return bytes
  }

  /// Paeth's predictor: of three neighbours the one nearest to left + above - corner.
  private static func nearest(_ left: Int, _ above: Int, _ corner: Int) -> Int {
    let (toLeft, toAbove, toCorner) = (abs(above - corner), abs(left - corner), abs(left + above - 2 * corner))
    if toLeft <= toAbove && toLeft <= toCorner { return left }
    return toAbove <= toCorner ? above : corner
  }

  private static func number(_ bytes: [UInt8], _ at: Int) -> Int {
    Int(bytes[at]) << 24 | Int(bytes[at + 1]) << 16 | Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
  }
}
