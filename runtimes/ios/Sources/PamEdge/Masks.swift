#if canImport(Vision)
  import CoreVideo
  import Foundation
  import ImageIO
  import PamEdgeCore
  import Vision

  /// What is to be cut out, where nobody painted a mask.
  public enum Subject: Sendable {
    /// People.
    case person
    /// Whatever stands out: people, animals, things. From iOS 17 and macOS 14 on.
    case foreground
  }

  /// Masks that the platform makes by itself.
  public enum Masks {
    /// Returns the mask of a photograph's subject, upright, of the photograph's size.
    ///
    /// - Throws: ``PamEdgeError`` of kind usage if nothing was found, unsuited on a system that is too old; what Vision
    ///   throws.
    public static func of(_ subject: Subject, in photo: Photo) throws -> Greys {
      let orientation = CGImagePropertyOrientation(rawValue: UInt32(photo.orientation)) ?? .up
      let handler = VNImageRequestHandler(cgImage: photo.image, orientation: orientation, options: [:])
      let mask = try Pixels.greys(subject == .person ? person(handler) : foreground(handler))
      let isOnItsSide = photo.orientation > 4
      return mask.resized(
        height: isOnItsSide ? photo.image.width : photo.image.height,
        width: isOnItsSide ? photo.image.height : photo.image.width)
    }

    private static func person(_ handler: VNImageRequestHandler) throws -> CVPixelBuffer {
      let request = VNGeneratePersonSegmentationRequest()
      request.qualityLevel = .accurate
      request.outputPixelFormat = kCVPixelFormatType_OneComponent8
      try handler.perform([request])
      guard let found = request.results?.first else { throw nobody("nobody") }
      return found.pixelBuffer
    }

    private static func foreground(_ handler: VNImageRequestHandler) throws -> CVPixelBuffer {
      guard #available(iOS 17, macOS 14, *) else {
        throw PamEdgeError(
          .unsuited, "The foreground's mask takes iOS 17 or macOS 14; this is older. Ask for people, or paint a mask.")
      }
      let request = VNGenerateForegroundInstanceMaskRequest()
      try handler.perform([request])
      guard let found = request.results?.first else { throw nobody("nothing") }
      return try found.generateScaledMaskForImage(forInstances: found.allInstances, from: handler)
    }

    private static func nobody(_ who: String) -> PamEdgeError {
      PamEdgeError(.usage, "Expected a subject in the picture; Vision found \(who). Paint a mask, or take another picture.")
    }
  }
#endif
