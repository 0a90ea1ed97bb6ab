/// Pixels as platforms hand them over, made to what a graph takes: RGB, straight, upright, without gaps.
public enum Pixels {
  /// Order of a pixel's bytes.
  public enum Format: String, Sendable {
    case rgba, bgra, argb, rgb

    /// Where red, green, blue and alpha lie in a pixel; rgb has no alpha.
    var places: (red: Int, green: Int, blue: Int, alpha: Int?) {
      switch self {
      case .rgba: (0, 1, 2, 3)
      case .bgra: (2, 1, 0, 3)
      case .argb: (1, 2, 3, 0)
      case .rgb: (0, 1, 2, nil)
      }
    }

    var pixelBytes: Int { self == .rgb ? 3 : 4 }
  }

  /// How a picture's bytes lie in memory.
  public struct Layout: Equatable, Sendable {
    public let height: Int
    public let width: Int
    public let rowBytes: Int
    public let format: Format
    /// Whether colours are multiplied by alpha; the network sees what they were before.
    public let isPremultiplied: Bool
    /// As EXIF numbers them, 1 to 8: how the stored picture is to be turned for viewing.
    public let orientation: Int

    public init(
      height: Int, width: Int, rowBytes: Int, format: Format, isPremultiplied: Bool = false, orientation: Int = 1
    ) {
      self.height = height
      self.width = width
      self.rowBytes = rowBytes
      self.format = format
      self.isPremultiplied = isPremultiplied
      self.orientation = orientation
    }
  }

  /// Pictures of more pixels are refused: their cut-out alone takes gigabytes.
  public static let mostPixels = 100_000_000

  /// Returns the picture, upright.
  ///
  /// - Throws: ``PamEdgeError`` of kind usage if it is empty, too large, its rows overlap, bytes are missing, or the
  ///   orientation is none of 1 to 8.
  public static func rgb(_ bytes: UnsafeRawBufferPointer, _ layout: Layout) throws -> RGBImage {
    try check(
      height: layout.height, width: layout.width, pixelBytes: layout.format.pixelBytes, rowBytes: layout.rowBytes,
      available: bytes.count)
    let turn = try Turn(layout.orientation, height: layout.height, width: layout.width)
    let (red, green, blue, opacity) = layout.format.places
    var result = [UInt8](repeating: 0, count: layout.height * layout.width * 3)
    for y in 0..<layout.height {
      for x in 0..<layout.width {
        let at = y * layout.rowBytes + layout.format.pixelBytes * x
        let to = 3 * turn.index(y, x)
        var alpha: UInt8 = 255
        if layout.isPremultiplied, let opacity { alpha = bytes[at + opacity] }
        result[to] = straight(bytes[at + red], alpha)
        result[to + 1] = straight(bytes[at + green], alpha)
        result[to + 2] = straight(bytes[at + blue], alpha)
      }
    }
    return RGBImage(height: turn.height, width: turn.width, bytes: result)
  }

  /// Returns one channel of bytes, such as a mask of Vision.
  ///
  /// - Throws: as ``rgb(_:_:)``.
  public static func greys(
    _ bytes: UnsafeRawBufferPointer, height: Int, width: Int, rowBytes: Int
  ) throws -> Greys {
    try check(height: height, width: width, pixelBytes: 1, rowBytes: rowBytes, available: bytes.count)
    var result = Greys(height: height, width: width, repeating: 0)
    for y in 0..<height {
      for x in 0..<width { result[y, x] = bytes[y * rowBytes + x] }
    }
    return result
  }

  /// Returns one channel of float shares, 0 to 1, as bytes, such as a mask of Vision's foreground.
  ///
  /// - Throws: as ``rgb(_:_:)``.
  public static func greys(
    shares bytes: UnsafeRawBufferPointer, height: Int, width: Int, rowBytes: Int
  ) throws -> Greys {
    try check(height: height, width: width, pixelBytes: 4, rowBytes: rowBytes, available: bytes.count)
    var result = Greys(height: height, width: width, repeating: 0)
    for y in 0..<height {
      for x in 0..<width {
        let share = bytes.loadUnaligned(fromByteOffset: y * rowBytes + 4 * x, as: Float.self)
        result[y, x] = share.isFinite ? UInt8((min(max(share, 0), 1) * 255).rounded(.toNearestOrEven)) : 0
      }
    }
    return result
  }

  /// Returns one channel of half floats, such as the alpha that Core ML gives.
  ///
  /// - Throws: as ``rgb(_:_:)``.
  public static func halves(_ bytes: UnsafeRawBufferPointer, height: Int, width: Int, rowBytes: Int) throws -> Alpha {
    try check(height: height, width: width, pixelBytes: 2, rowBytes: rowBytes, available: bytes.count)
    var result = Alpha(height: height, width: width, repeating: 0)
    for y in 0..<height {
      for x in 0..<width {
        let bits = bytes.loadUnaligned(fromByteOffset: y * rowBytes + 2 * x, as: UInt16.self)
        result[y, x] = Half.float(UInt16(littleEndian: bits))
      }
    }
    return result
  }

  /// Returns the colour that was multiplied by alpha, the nearest; black where alpha is 0.
  private static func straight(_ colour: UInt8, _ alpha: UInt8) -> UInt8 {
    if alpha == 255 { return colour }
    if alpha == 0 { return 0 }
    return UInt8(min(255, (Int(colour) * 255 + Int(alpha) / 2) / Int(alpha)))
  }

  private static func check(height: Int, width: Int, pixelBytes: Int, rowBytes: Int, available: Int) throws {
    guard height > 0, width > 0, height <= mostPixels, width <= mostPixels, height * width <= mostPixels else {
      throw PamEdgeError(
        .usage, "Expected a picture of 1 to \(mostPixels) pixels; got \(height)x\(width). Give another, or a smaller "
          + "version of it.")
    }
    guard rowBytes >= width * pixelBytes, available >= (height - 1) * rowBytes + width * pixelBytes else {
      throw PamEdgeError(
        .usage, "Expected \(height) rows of \(width * pixelBytes) bytes or more; got rows of \(rowBytes) and "
          + "\(available) bytes in all. Give the buffer's own bytes per row.")
    }
  }

  /// Where the pixels of a stored picture lie when it is upright.
  private struct Turn {
    let height: Int
    let width: Int
    private let start: Int
    private let down: Int
    private let across: Int

    init(_ orientation: Int, height: Int, width: Int) throws {
      guard (1...8).contains(orientation) else {
        throw PamEdgeError(.usage, "Expected an orientation from 1 to 8, as EXIF numbers them; got \(orientation).")
      }
      let isOnItsSide = orientation > 4
      self.height = isOnItsSide ? width : height
      self.width = isOnItsSide ? height : width
      let (w, last) = (self.width, height * width - 1)
      // Index of the stored picture's first pixel, and steps down and along its rows, in the upright picture.
      switch orientation {
      case 1: (start, down, across) = (0, w, 1)
      case 2: (start, down, across) = (w - 1, w, -1)
      case 3: (start, down, across) = (last, -w, -1)
      case 4: (start, down, across) = (last - w + 1, -w, 1)
      case 5: (start, down, across) = (0, 1, w)
      case 6: (start, down, across) = (w - 1, -1, w)
      case 7: (start, down, across) = (last, -1, -w)
      default: (start, down, across) = (last - w + 1, 1, -w)
      }
    }

    func index(_ y: Int, _ x: Int) -> Int { start + y * down + x * across }
  }
}
