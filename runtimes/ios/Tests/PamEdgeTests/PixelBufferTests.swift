import CoreVideo
import PamEdgeCore
import XCTest

@testable import PamEdge

/// Against a stub whose buffers have padded rows.
final class PixelBufferTests: XCTestCase {
  func testPicturesComeBackFromPaddedRows() throws {
    let image = RGBImage(height: 5, width: 7, bytes: (0..<105).map { UInt8($0) })
    let buffer = try Pixels.buffer(of: image)
    XCTAssertGreaterThan(CVPixelBufferGetBytesPerRow(buffer), 4 * 7)
    XCTAssertEqual(try Pixels.rgb(buffer), image)
  }

  func testAlphasComeBackFromPaddedRowsOfHalfFloats() throws {
    let alpha = Alpha(height: 3, width: 5, values: (0..<15).map { Float($0) / 16 })
    XCTAssertEqual(try Pixels.alpha(Pixels.buffer(of: alpha)), alpha)
  }

  func testMasksComeBackFromPaddedRows() throws {
    let mask = Greys(height: 4, width: 3, values: (0..<12).map { UInt8(20 * $0) })
    XCTAssertEqual(try Pixels.greys(Pixels.buffer(of: mask)), mask)
  }

  func testOtherFormatsAreRefusedByName() throws {
    let mask = try Pixels.buffer(of: Greys(height: 4, width: 3, repeating: 0))
    XCTAssertThrowsError(try Pixels.rgb(mask)) { error in
      XCTAssertTrue("\(error)".contains("'L008'"), "\(error)")
    }
  }
}
