import XCTest

@testable import PamEdgeCore

final class SHA256Tests: XCTestCase {
  /// Digests of the standard's own examples.
  func testExamplesOfTheStandard() {
    XCTAssertEqual(
      Hashes.of("".utf8), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    XCTAssertEqual(
      Hashes.of("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    XCTAssertEqual(
      Hashes.of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    XCTAssertEqual(
      Hashes.of(repeatElement(UInt8(ascii: "a"), count: 1_000_000)),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  func testPiecesGiveTheDigestOfTheWhole() {
    let bytes = (0..<1000).map { UInt8($0 % 251) }
    for cut in [1, 55, 56, 63, 64, 65, 500] {
      var hash = SHA256()
      hash.update(bytes[..<cut])
      hash.update(bytes[cut...])
      XCTAssertEqual(hash.hexDigest(), Hashes.of(bytes), "cut at \(cut)")
    }
  }
}
