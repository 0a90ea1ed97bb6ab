#if canImport(ImageIO)
  import CoreGraphics
  import Foundation
  import ImageIO
  import PamEdgeCore

  /// A photograph as files and pickers hand it over: stored pixels, and how they are to be turned.
  public struct Photo {
    public let image: CGImage
    /// As EXIF numbers them, 1 to 8.
    public let orientation: Int

    public init(image: CGImage, orientation: Int = 1) {
      self.image = image
      self.orientation = orientation
    }

    /// Reads a file's bytes, of any format that the system knows.
    ///
    /// - Throws: ``PamEdgeError`` of kind usage if it is no picture.
    public init(data: Data) throws {
      guard let source = CGImageSourceCreateWithData(data as CFData, nil),
        let image = CGImageSourceCreateImageAtIndex(source, 0, nil)
      else { throw PamEdgeError(.usage, "Expected a picture; these \(data.count) bytes are none. Give another.") }
      let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [String: Any]
      self.init(image: image, orientation: properties?[kCGImagePropertyOrientation as String] as? Int ?? 1)
    }

    /// Returns the pixels in sRGB, which the network knows, upright.
    ///
    /// - Throws: ``PamEdgeError`` of kind usage if the picture is empty or too large.
    public func rgb() throws -> RGBImage {
      let (height, width) = (image.height, image.width)
      guard height > 0, width > 0, height * width <= Pixels.mostPixels else {
        throw PamEdgeError(
          .usage, "Expected a picture of 1 to \(Pixels.mostPixels) pixels; got \(height)x\(width). Give a smaller version.")
      }
      var bytes = [UInt8](repeating: 0, count: 4 * width * height)
      let isDrawn = bytes.withUnsafeMutableBytes { buffer in
        guard let space = CGColorSpace(name: CGColorSpace.sRGB),
          let context = CGContext(
            data: buffer.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
            space: space, bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue)
        else { return false }
        context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
        return true
      }
      guard isDrawn else { throw PamEdgeError(.runtime, "There was no memory for a picture of \(height)x\(width).") }
      let layout = Pixels.Layout(
        height: height, width: width, rowBytes: 4 * width, format: .rgba, isPremultiplied: true,
        orientation: orientation)
      return try bytes.withUnsafeBytes { try Pixels.rgb($0, layout) }
    }
  }

  extension RGBAImage {
    /// Returns the cut-out as the system's picture, sRGB with straight alpha; nil if there is no memory.
    public func cgImage() -> CGImage? {
      guard let space = CGColorSpace(name: CGColorSpace.sRGB), let provider = CGDataProvider(data: Data(bytes) as CFData)
      else { return nil }
      return CGImage(
        width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: 4 * width, space: space,
        bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.last.rawValue), provider: provider, decode: nil,
        shouldInterpolate: true, intent: .defaultIntent)
    }

    /// Returns a PNG file's bytes; nil if there is no memory.
    public func pngData() -> Data? {
      let data = NSMutableData()
      guard let image = cgImage(),
        let destination = CGImageDestinationCreateWithData(data as CFMutableData, "public.png" as CFString, 1, nil)
      else { return nil }
      CGImageDestinationAddImage(destination, image, nil)
      return CGImageDestinationFinalize(destination) ? data as Data : nil
    }
  }
#endif
