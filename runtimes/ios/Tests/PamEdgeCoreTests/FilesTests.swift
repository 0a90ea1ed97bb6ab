import Foundation
import XCTest

@testable import PamEdgeCore

final class FilesTests: XCTestCase {
  /// Written by OpenCV, as golden vectors are, with the SHA-256 of the pixels that went in.
  private let colour = """
    iVBORw0KGgoAAAANSUhEUgAAABQAAAAYCAIAAAB1KUohAAACZElEQVQ4EQXBP4gQdABA4fdDHsT1IMIDMcXllkOQ7AIT/JvRgbjocAhHUOA5NKjVLRbV\
    EDgZLYauGk2Vi4TYkCIoCCZxRxZJ0CZxyUVEEYro9w0gDMMwDMMwDMMwDMMwDMPBhGEYhmEYhmEYhmEYhmEYDiYnwjAMwzAMwzAMwzAMwzAcbHouDMMw\
    DMMwDMMwDMMwDMPB9GQYhmEYhmEYhmEYhmEYhoOZ9WEYhvsPff7BqSO/r2z46MGW//69O7V04OKRQ1//+M3zH6/8f/ven2vXhWEYDnZuCsMw/Gv7rTWr\
    x24ur39jae8P+64d+/nD137d+HBu8eVHL+5qz+mVd8MwDAezU2EYhjt2r730x9zh+e+nn3y29PqdF+5e/WUrs5ePnln+59nrE++tngvDMBwcnA7DMFyY\
    eWf1/cnTm2/feDD195WXTtxc3fzFxe+eeevsl4+3LV74aTwKwzAczG8JwzAMwzAMwzAMwzAMw3CwMBOGYRiGYRiGYRiGYRiG4eD4K2EYhmEYhmEYhmEY\
    hmEYDk7uDMMwDMMwDMMwDMMwDMNw8MmrYRiGYRiGYRiGYRiGYRgOPp0NwzAMwzAMwzAMwzAMw3Bw9kAYhmEYhmEYhmEYhmEYhoPzB8MwDMMwDMMwDMMw\
    DMMwHHw1F4ZhGIZhGIZhGIZhGIbh4Nv5MAzDMAzDMAzDMAzDMAwHV98MwzAMwzAMwzAMwzAMw3BwayEMwzAMwzAMwzAMwzAMw8Hy22EYhmEYhmEYhmEY\
    hmEYDn47HoZhGIZhGIZhGIZhGIbh4P5iGIZhGIZhGIZhGIZhGIZPARzvcY24qTN8AAAAAElFTkSuQmCC
    """
  private let grey = """
    iVBORw0KGgoAAAANSUhEUgAAABQAAAAYCAAAAADfIIKqAAAAWElEQVQYGW3BgQ2DMBAAMd/m3fwbaIUiETsHOchBH299vOUgP+OWS27jL0su4xGyjE1k\
    GZvIMjaRZWwiy9hElrGJLGMTuYxHyG38ZcnPuOWSgxzkIAc5+AJHVQ4ZKJqqjgAAAABJRU5ErkJggg==
    """

  func testPicturesOfGoldenVectorsAreReadByteForByte() throws {
    let found = try PNG.decode(JSONValue.string(colour).bytes)
    XCTAssertEqual([found.height, found.width, found.channels], [24, 20, 3])
    XCTAssertEqual(Hashes.of(found.bytes), "59e90d33a315f0c7e073db094c96cfd27965ff6c2445aa26470a453a48b14cc7")
    let mask = try PNG.decode(JSONValue.string(grey).bytes)
    XCTAssertEqual([mask.height, mask.width, mask.channels], [24, 20, 1])
    XCTAssertEqual(Hashes.of(mask.bytes), "e62842428457e60128e4642fe87a5b6db2d94468c9cfcdf0f5e0ae4844bc1f49")
  }

  func testDamagedPicturesAreRefusedWhereverTheyAreDamaged() {
    let file = JSONValue.string(colour).bytes
    for length in stride(from: 0, to: file.count - 12, by: 7) {
      XCTAssertThrowsError(try PNG.decode(Array(file[..<length])), "\(length) bytes")
    }
    for at in file.indices {  // whatever comes out, it is an error or a picture: never a crash
      var damaged = file
      damaged[at] ^= 0x55
      _ = try? PNG.decode(damaged)
    }
  }

  #if !(os(macOS) && arch(x86_64))
    func testHalvesAreTheProcessors() {
      for bits in UInt16.min...UInt16.max {
        let value = Float(Float16(bitPattern: bits))
        let found = Half.float(bits)
        if value.isNaN {
          XCTAssertTrue(found.isNaN)
        } else if found.bitPattern != value.bitPattern || Half.bits(value) != bits {
          return XCTFail("bits \(bits): \(found) is not \(value)")
        }
      }
      var value: Float = 1e-9
      while value < 1e6 {
        XCTAssertEqual(Half.bits(value), Float16(value).bitPattern, "\(value)")
        value *= 1.0137
      }
    }
  #endif

  func testAMaskIsResizedBetweenPixelCentres() {
    let mask = Greys(height: 1, width: 2, values: [0, 200])
    XCTAssertEqual(mask.resized(height: 1, width: 4).values, [0, 50, 150, 200])
    XCTAssertEqual(mask.resized(height: 2, width: 2).values, [0, 200, 0, 200])
  }

  func testPicturesThatAreEmptyTooLargeOrCutShortAreRefused() {
    let bytes = [UInt8](repeating: 0, count: 16)
    let sides = [(0, 0), (1, 0), (10_001, 10_000), (Int.max, 2), (-1, 4)]
    for (height, width) in sides {
      let layout = Pixels.Layout(height: height, width: width, rowBytes: 16, format: .rgba)
      XCTAssertThrowsError(try bytes.withUnsafeBytes { try Pixels.rgb($0, layout) }) { error in
        XCTAssertEqual((error as? PamEdgeError)?.kind, .usage)
      }
    }
    for layout in [
      Pixels.Layout(height: 2, width: 4, rowBytes: 16, format: .rgba),
      Pixels.Layout(height: 1, width: 4, rowBytes: 15, format: .rgba),
      Pixels.Layout(height: 1, width: 4, rowBytes: 16, format: .rgba, orientation: 9),
    ] {
      XCTAssertThrowsError(try bytes.withUnsafeBytes { try Pixels.rgb($0, layout) })
    }
  }
}
