// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled, and tried, where Apple's frameworks are not.

@_exported import Foundation

public typealias CFData = Data
public typealias CFMutableData = NSMutableData
public typealias CFString = String
public typealias CFDictionary = [String: Any]

public final class CGColorSpace {
  public static let sRGB: CFString = "sRGB"
  public init?(name: CFString) {}
}

public enum CGImageAlphaInfo: UInt32 {
  case none, premultipliedLast, premultipliedFirst, last, first
}

public struct CGBitmapInfo: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

public enum CGColorRenderingIntent { case defaultIntent }

public final class CGDataProvider {
  public let data: Data
  public init?(data: CFData) { self.data = data }
}

/// RGBA of eight bits, straight or premultiplied as its alpha info says.
public final class CGImage {
  public let width: Int
  public let height: Int
  public let bytes: [UInt8]
  public let alphaInfo: CGImageAlphaInfo

  public init?(
    width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int, space: CGColorSpace,
    bitmapInfo: CGBitmapInfo, provider: CGDataProvider, decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool,
    intent: CGColorRenderingIntent
  ) {
    guard bitsPerComponent == 8, bitsPerPixel == 32, bytesPerRow == 4 * width,
      provider.data.count == bytesPerRow * height, let info = CGImageAlphaInfo(rawValue: bitmapInfo.rawValue)
    else { return nil }
    self.width = width
    self.height = height
    bytes = [UInt8](provider.data)
    alphaInfo = info
  }
}

/// Draws straight pictures of its own size, premultiplied.
public final class CGContext {
  private let data: UnsafeMutableRawPointer?
  private let bytesPerRow: Int

  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
    space: CGColorSpace, bitmapInfo: UInt32
  ) {
    guard bitmapInfo == CGImageAlphaInfo.premultipliedLast.rawValue else { return nil }
    self.data = data
    self.bytesPerRow = bytesPerRow
  }

  public func draw(_ image: CGImage, in rect: CGRect) {
    for y in 0..<image.height {
      for x in 0..<image.width {
        let from = 4 * (y * image.width + x)
        let alpha = Int(image.bytes[from + 3])
        for channel in 0..<4 {
          let value = Int(image.bytes[from + channel])
          let drawn = channel == 3 ? value : (value * alpha + 127) / 255
          data?.storeBytes(of: UInt8(drawn), toByteOffset: y * bytesPerRow + 4 * x + channel, as: UInt8.self)
        }
      }
    }
  }
}
