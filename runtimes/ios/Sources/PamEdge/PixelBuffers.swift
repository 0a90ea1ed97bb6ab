#if canImport(CoreVideo)
  import CoreVideo
  import PamEdgeCore

  extension Pixels {
    /// Returns the RGB of a pixel buffer, upright; rows may be padded.
    ///
    /// - Parameters:
    ///   - buffer: of format 32BGRA, 32RGBA or 32ARGB: ask the camera for 32BGRA.
    ///   - isPremultiplied: whether colours are multiplied by alpha.
    ///   - orientation: as EXIF numbers them, 1 to 8.
    /// - Throws: ``PamEdgeError`` of kind usage for other formats.
    public static func rgb(
      _ buffer: CVPixelBuffer, isPremultiplied: Bool = false, orientation: Int = 1
    ) throws -> RGBImage {
      let formats: [OSType: Format] = [
        kCVPixelFormatType_32BGRA: .bgra, kCVPixelFormatType_32RGBA: .rgba, kCVPixelFormatType_32ARGB: .argb,
      ]
      guard let format = formats[CVPixelBufferGetPixelFormatType(buffer)] else { throw unknownFormat(buffer, "32BGRA") }
      return try withRows(of: buffer) { bytes, rowBytes in
        try rgb(
          bytes,
          Layout(
            height: CVPixelBufferGetHeight(buffer), width: CVPixelBufferGetWidth(buffer), rowBytes: rowBytes,
            format: format, isPremultiplied: isPremultiplied, orientation: orientation))
      }
    }

    /// Returns the bytes of a mask: of format OneComponent8, or OneComponent32Float of 0 to 1.
    ///
    /// - Throws: ``PamEdgeError`` of kind usage for other formats.
    public static func greys(_ buffer: CVPixelBuffer) throws -> Greys {
      let (height, width) = (CVPixelBufferGetHeight(buffer), CVPixelBufferGetWidth(buffer))
      return try withRows(of: buffer) { bytes, rowBytes in
        switch CVPixelBufferGetPixelFormatType(buffer) {
        case kCVPixelFormatType_OneComponent8:
          try greys(bytes, height: height, width: width, rowBytes: rowBytes)
        case kCVPixelFormatType_OneComponent32Float:
          try greys(shares: bytes, height: height, width: width, rowBytes: rowBytes)
        default: throw unknownFormat(buffer, "OneComponent8 or OneComponent32Float")
        }
      }
    }

    /// Returns an alpha of format OneComponent16Half; its rows are padded as Core ML likes.
    ///
    /// - Throws: ``PamEdgeError`` of kind usage for other formats.
    static func alpha(_ buffer: CVPixelBuffer) throws -> Alpha {
      guard CVPixelBufferGetPixelFormatType(buffer) == kCVPixelFormatType_OneComponent16Half else {
        throw unknownFormat(buffer, "OneComponent16Half")
      }
      return try withRows(of: buffer) { bytes, rowBytes in
        try halves(
          bytes, height: CVPixelBufferGetHeight(buffer), width: CVPixelBufferGetWidth(buffer), rowBytes: rowBytes)
      }
    }

    /// Returns a buffer that Core ML takes as a picture, of format 32BGRA.
    static func buffer(of image: RGBImage) throws -> CVPixelBuffer {
      try make(image.height, image.width, kCVPixelFormatType_32BGRA) { row, y in
        for x in 0..<image.width {
          let from = 3 * (y * image.width + x)
          row[4 * x] = image.bytes[from + 2]
          row[4 * x + 1] = image.bytes[from + 1]
          row[4 * x + 2] = image.bytes[from]
          row[4 * x + 3] = 255
        }
      }
    }

    /// Returns a buffer of format OneComponent8.
    static func buffer(of greys: Greys) throws -> CVPixelBuffer {
      try make(greys.height, greys.width, kCVPixelFormatType_OneComponent8) { row, y in
        for x in 0..<greys.width { row[x] = greys[y, x] }
      }
    }

    /// Returns a buffer of format OneComponent16Half.
    static func buffer(of alpha: Alpha) throws -> CVPixelBuffer {
      try make(alpha.height, alpha.width, kCVPixelFormatType_OneComponent16Half) { row, y in
        for x in 0..<alpha.width {
          row.storeBytes(of: Half.bits(alpha[y, x]).littleEndian, toByteOffset: 2 * x, as: UInt16.self)
        }
      }
    }

    private static func make(
      _ height: Int, _ width: Int, _ format: OSType, _ fill: (UnsafeMutableRawBufferPointer, Int) -> Void
    ) throws -> CVPixelBuffer {
      // Backed by an IOSurface, it reaches the GPU and the Neural Engine without a copy.
      let attributes = [kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any]()] as CFDictionary
      var made: CVPixelBuffer?
      guard CVPixelBufferCreate(nil, width, height, format, attributes, &made) == kCVReturnSuccess, let buffer = made
      else { throw PamEdgeError(.runtime, "There was no memory for a pixel buffer of \(height)x\(width).") }
      CVPixelBufferLockBaseAddress(buffer, [])
      defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
      guard let base = CVPixelBufferGetBaseAddress(buffer) else { throw noMemory(buffer) }
      let rowBytes = CVPixelBufferGetBytesPerRow(buffer)
      for y in 0..<height { fill(UnsafeMutableRawBufferPointer(start: base + y * rowBytes, count: rowBytes), y) }
      return buffer
    }

    private static func withRows<T>(
      of buffer: CVPixelBuffer, _ read: (UnsafeRawBufferPointer, Int) throws -> T
    ) throws -> T {
      CVPixelBufferLockBaseAddress(buffer, .readOnly)
      defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
      guard let base = CVPixelBufferGetBaseAddress(buffer) else { throw noMemory(buffer) }
      let rowBytes = CVPixelBufferGetBytesPerRow(buffer)
      return try read(
        UnsafeRawBufferPointer(start: base, count: rowBytes * CVPixelBufferGetHeight(buffer)), rowBytes)
    }

    private static func noMemory(_ buffer: CVPixelBuffer) -> PamEdgeError {
      PamEdgeError(.usage, "Expected a pixel buffer with memory of one plane; this one has none. Ask for 32BGRA.")
    }

    private static func unknownFormat(_ buffer: CVPixelBuffer, _ expected: String) -> PamEdgeError {
      let code = CVPixelBufferGetPixelFormatType(buffer)
      let letters = (0..<4).map { Character(UnicodeScalar(UInt8(truncatingIfNeeded: code >> (24 - 8 * $0)))) }
      return PamEdgeError(
        .usage, "Expected a pixel buffer of format \(expected); got \(code) '\(String(letters))'. Ask for that format.")
    }
  }
#endif
