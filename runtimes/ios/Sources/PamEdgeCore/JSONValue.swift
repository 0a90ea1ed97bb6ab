import Foundation

/// A JSON value, as far as Foundation's decoder tells kinds apart.
enum JSONValue: Decodable, Equatable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let found = try? value.decode(Bool.self) {
      self = .bool(found)
    } else if let found = try? value.decode(Int.self) {
      self = .int(found)
    } else if let found = try? value.decode(Double.self) {
      self = .double(found)
    } else if let found = try? value.decode(String.self) {
      self = .string(found)
    } else if let found = try? value.decode([JSONValue].self) {
      self = .array(found)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }
}

/// What is wrong in a file of JSON, and where.
struct Mismatch: Error {
  let message: String
}

/// One object of a JSON file, read key by key; a key that nobody knows is refused.
struct Fields {
  private let values: [String: JSONValue]
  private let place: String

  /// - Parameters:
  ///   - value: expected to be an object.
  ///   - place: where it stands, such as `golden.0`; empty for the file.
  ///   - keys: all that it may hold.
  init(_ value: JSONValue, at place: String, keys: Set<String>) throws {
    guard case .object(let values) = value else { throw Mismatch(message: "\(place): an object is expected") }
    self.values = values
    self.place = place
    for key in values.keys.sorted() where !keys.contains(key) {
      throw Mismatch(message: "\(name(key)): no such key is known")
    }
  }

  func name(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

  /// Throws that a key's value is not what it should be.
  func refuse(_ key: String, _ expected: String) -> Mismatch {
    Mismatch(message: "\(name(key)): \(expected) is expected")
  }

  func has(_ key: String) -> Bool { values[key] != nil && values[key] != .null }

  func value(_ key: String) throws -> JSONValue {
    guard let value = values[key] else { throw Mismatch(message: "\(name(key)): it is missing") }
    return value
  }

  func string(_ key: String) throws -> String {
    guard case .string(let found) = try value(key) else { throw refuse(key, "text") }
    return found
  }

  func bool(_ key: String) throws -> Bool {
    guard case .bool(let found) = try value(key) else { throw refuse(key, "true or false") }
    return found
  }

  func int(_ key: String, in range: ClosedRange<Int>) throws -> Int {
    guard case .int(let found) = try value(key), range.contains(found) else {
      throw refuse(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return found
  }

  func double(_ key: String, in range: ClosedRange<Double>) throws -> Double {
    guard let found = Self.number(try value(key)), range.contains(found) else {
      throw refuse(key, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return found
  }

  func array(_ key: String, atLeast least: Int = 0) throws -> [JSONValue] {
    guard case .array(let found) = try value(key), found.count >= least else {
      throw refuse(key, least > 0 ? "a list of \(least) or more" : "a list")
    }
    return found
  }

  func doubles(_ key: String, in range: ClosedRange<Double>, atLeast least: Int = 0) throws -> [Double] {
    try array(key, atLeast: least).map { value in
      guard let found = Self.number(value), range.contains(found) else {
        throw refuse(key, "numbers from \(range.lowerBound) to \(range.upperBound)")
      }
      return found
    }
  }

  func strings(_ key: String) throws -> [String: String] {
    guard case .object(let found) = try value(key) else { throw refuse(key, "an object") }
    return try found.mapValues { value in
      guard case .string(let text) = value else { throw refuse(key, "an object of texts") }
      return text
    }
  }

  func objects<T>(_ key: String, atLeast least: Int = 0, _ read: (JSONValue, String) throws -> T) throws -> [T] {
    try array(key, atLeast: least).enumerated().map { try read($1, "\(name(key)).\($0)") }
  }

  func optional<T>(_ key: String, _ read: (String) throws -> T) throws -> T? {
    has(key) ? try read(key) : nil
  }

  func word<T: RawRepresentable & CaseIterable>(_ key: String) throws -> T where T.RawValue == String {
    guard let found = T(rawValue: try string(key)) else {
      throw refuse(key, "one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return found
  }

  static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .int(let found): Double(found)
    case .double(let found): found
    default: nil
    }
  }
}
