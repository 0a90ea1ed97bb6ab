// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled, and tried, where Apple's frameworks are not.

@_exported import CoreVideo
import ImageIO

public class VNRequest {}

public final class VNPixelBufferObservation {
  public let pixelBuffer: CVPixelBuffer
  init(_ pixelBuffer: CVPixelBuffer) { self.pixelBuffer = pixelBuffer }
}

public final class VNGeneratePersonSegmentationRequest: VNRequest {
  public enum QualityLevel { case accurate, balanced, fast }
  public var qualityLevel = QualityLevel.accurate
  public var outputPixelFormat: OSType = 0
  public internal(set) var results: [VNPixelBufferObservation]?
  public override init() {}
}

public final class VNInstanceMaskObservation {
  public var allInstances: IndexSet { IndexSet(integer: 1) }

  public func generateScaledMaskForImage(
    forInstances instances: IndexSet, from requestHandler: VNImageRequestHandler
  ) throws -> CVPixelBuffer {
    guard let mask = VNImageRequestHandler.stub?(kCVPixelFormatType_OneComponent32Float) else {
      throw CocoaError(.featureUnsupported)
    }
    return mask
  }
}

public final class VNGenerateForegroundInstanceMaskRequest: VNRequest {
  public internal(set) var results: [VNInstanceMaskObservation]?
  public override init() {}
}

/// Finds what a test says: a mask of the format that is asked for, or nothing.
public final class VNImageRequestHandler {
  nonisolated(unsafe) public static var stub: ((OSType) -> CVPixelBuffer?)?

  public init(cgImage: CGImage, orientation: CGImagePropertyOrientation, options: [String: Any]) {}

  public func perform(_ requests: [VNRequest]) throws {
    for case let request as VNGeneratePersonSegmentationRequest in requests {
      request.results = Self.stub?(request.outputPixelFormat).map { [VNPixelBufferObservation($0)] } ?? []
    }
    for case let request as VNGenerateForegroundInstanceMaskRequest in requests {
      request.results = Self.stub == nil ? [] : [VNInstanceMaskObservation()]
    }
  }
}
