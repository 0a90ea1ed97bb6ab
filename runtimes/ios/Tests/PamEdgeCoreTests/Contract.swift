import Foundation
import XCTest

@testable import PamEdgeCore

/// The cases that Python, Swift, Kotlin and TypeScript all run: `runtimes/contract`.
enum Contract {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../contract").standardizedFileURL

  /// Runs every case of a topic; a file without cases is a failure, for nothing would be tested.
  static func each(_ topic: String, _ run: (Case, _ tolerance: Double) async throws -> Void) async throws {
    let data = try Data(contentsOf: folder.appendingPathComponent("\(topic).json"))
    let document = try JSONDecoder().decode(JSONValue.self, from: data)
    let cases = document["cases"].array
    XCTAssertFalse(cases.isEmpty, topic)
    for each in cases { try await run(Case(value: each), document["tolerance"].double) }
  }
}

struct Case {
  let value: JSONValue
  var name: String { value["name"].string }
  var expect: JSONValue { value["expect"] }
  var kind: String { value["kind"].string }

  subscript(_ key: String) -> JSONValue { value[key] }
}

extension JSONValue {
  subscript(_ key: String) -> JSONValue {
    guard case .object(let fields) = self else { return .null }
    return fields[key] ?? .null
  }

  var array: [JSONValue] { if case .array(let found) = self { found } else { [] } }
  var keys: [String] { if case .object(let found) = self { found.keys.sorted() } else { [] } }
  var text: String? { if case .string(let found) = self { found } else { nil } }
  var string: String { text ?? "" }
  var number: Double? { Fields.number(self) }
  var double: Double { number ?? .nan }
  var int: Int { if case .int(let found) = self { found } else { Int.min } }
  var flag: Bool? { if case .bool(let found) = self { found } else { nil } }
  var bytes: [UInt8] { [UInt8](Data(base64Encoded: string) ?? Data()) }

  private var shape: [Int] { self["shape"].array.map(\.int) }
  var floats: [Float] { Floats.values(Data(self["f32"].bytes)) ?? [] }
  var greys: Greys { Greys(height: shape[0], width: shape[1], values: self["u8"].bytes) }
  var alpha: Alpha { Alpha(height: shape[0], width: shape[1], values: floats) }
  var rgb: RGBImage { RGBImage(height: shape[0], width: shape[1], bytes: self["u8"].bytes) }
}
