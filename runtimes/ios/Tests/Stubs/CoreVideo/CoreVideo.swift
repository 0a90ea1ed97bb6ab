// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled, and tried, where Apple's frameworks are not.

@_exported import CoreGraphics

public typealias OSType = UInt32
public typealias CVReturn = Int32
public typealias CVOptionFlags = UInt64

public let kCVReturnSuccess: CVReturn = 0
public let kCVPixelBufferIOSurfacePropertiesKey: CFString = "IOSurfaceProperties"
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241
public let kCVPixelFormatType_32RGBA: OSType = 0x5247_4241
public let kCVPixelFormatType_32ARGB: OSType = 0x20
public let kCVPixelFormatType_OneComponent8: OSType = 0x4c30_3038
public let kCVPixelFormatType_OneComponent16Half: OSType = 0x4c30_3068
public let kCVPixelFormatType_OneComponent32Float: OSType = 0x4c30_3066

/// Its rows are padded to 64 bytes and 64 more, with a byte that means something: a reader that ignores it is caught.
public final class CVPixelBuffer {
  static let padding: UInt8 = 0x5a
  let width: Int
  let height: Int
  let format: OSType
  let rowBytes: Int
  let base: UnsafeMutableRawPointer
  var locks = 0

  init(_ width: Int, _ height: Int, _ format: OSType) {
    self.width = width
    self.height = height
    self.format = format
    let pixelBytes = [
      kCVPixelFormatType_OneComponent8: 1, kCVPixelFormatType_OneComponent16Half: 2,
    ]
    rowBytes = (width * (pixelBytes[format] ?? 4) + 63) / 64 * 64 + 64
    base = UnsafeMutableRawPointer.allocate(byteCount: rowBytes * height, alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: Self.padding, count: rowBytes * height)
  }

  deinit { base.deallocate() }
}

public struct CVPixelBufferLockFlags: OptionSet, Sendable {
  public let rawValue: CVOptionFlags
  public init(rawValue: CVOptionFlags) { self.rawValue = rawValue }
  public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

public func CVPixelBufferCreate(
  _ allocator: AnyObject?, _ width: Int, _ height: Int, _ format: OSType, _ attributes: CFDictionary?,
  _ buffer: UnsafeMutablePointer<CVPixelBuffer?>
) -> CVReturn {
  guard width > 0, height > 0 else { return -6661 }
  buffer.pointee = CVPixelBuffer(width, height, format)
  return kCVReturnSuccess
}

@discardableResult
public func CVPixelBufferLockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn {
  buffer.locks += 1
  return kCVReturnSuccess
}

@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn {
  buffer.locks -= 1
  return kCVReturnSuccess
}

/// There is none unless it is locked.
public func CVPixelBufferGetBaseAddress(_ buffer: CVPixelBuffer) -> UnsafeMutableRawPointer? {
  buffer.locks > 0 ? buffer.base : nil
}

public func CVPixelBufferGetBytesPerRow(_ buffer: CVPixelBuffer) -> Int { buffer.rowBytes }
public func CVPixelBufferGetWidth(_ buffer: CVPixelBuffer) -> Int { buffer.width }
public func CVPixelBufferGetHeight(_ buffer: CVPixelBuffer) -> Int { buffer.height }
public func CVPixelBufferGetPixelFormatType(_ buffer: CVPixelBuffer) -> OSType { buffer.format }
