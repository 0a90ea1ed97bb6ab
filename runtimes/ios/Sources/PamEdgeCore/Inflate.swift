/// Decompresses DEFLATE (RFC 1951), as PNG holds it.
struct Inflate {
  struct Damage: Error {}

  private let input: [UInt8]
  private var next = 0
  private var bits: UInt32 = 0
  private var bitCount = 0
  private var output: [UInt8] = []
  private let limit: Int

  /// Returns what a zlib stream (RFC 1950) holds.
  ///
  /// - Parameter size: that it should have, to the byte.
  /// - Throws: ``Damage`` if it is none, or of another size.
  static func zlib(_ stream: [UInt8], size: Int) throws -> [UInt8] {
    guard stream.count > 6, stream[0] & 0x0f == 8, stream[1] & 0x20 == 0 else { throw Damage() }
    var inflate = Inflate(Array(stream[2...]), limit: size)
    try inflate.run()
    guard inflate.output.count == size else { throw Damage() }
    return inflate.output
  }

  private init(_ input: [UInt8], limit: Int) {
    self.input = input
    self.limit = limit
    output.reserveCapacity(limit)
  }

  private mutating func run() throws {
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try copyStored()
      case 1: try decode(Self.fixedLiterals, Self.fixedDistances)
      case 2:
        let (literals, distances) = try readTables()
        try decode(literals, distances)
      default: throw Damage()
      }
    }
  }

  private mutating func take(_ count: Int) throws -> Int {
    while bitCount < count {
      guard next < input.count else { throw Damage() }
      bits |= UInt32(input[next]) << UInt32(bitCount)
      next += 1
      bitCount += 8
    }
    let value = Int(bits & ((1 << UInt32(count)) - 1))
    bits >>= UInt32(count)
    bitCount -= count
    return value
  }

  private mutating func copyStored() throws {
    next -= bitCount / 8
    (bits, bitCount) = (0, 0)
    guard next + 4 <= input.count else { throw Damage() }
    let size = Int(input[next]) | Int(input[next + 1]) << 8
    guard next + 4 + size <= input.count, output.count + size <= limit else { throw Damage() }
    output.append(contentsOf: input[next + 4..<next + 4 + size])
    next += 4 + size
  }

  private mutating func decode(_ literals: Code, _ distances: Code) throws {
    while true {
      let symbol = try read(literals)
      if symbol == 256 { return }
      if symbol < 256 {
        guard output.count < limit else { throw Damage() }
        output.append(UInt8(symbol))
        continue
      }
      guard symbol <= 285 else { throw Damage() }
      let length = Self.lengths[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
      let code = try read(distances)
      guard code < 30 else { throw Damage() }
      let distance = Self.distances[code] + (try take(Self.distanceBits[code]))
      guard distance <= output.count, output.count + length <= limit else { throw Damage() }
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
  }

  private mutating func read(_ code: Code) throws -> Int {
    var (value, first, index) = (0, 0, 0)
    for length in 1...15 {
      value |= try take(1)
      let count = code.counts[length]
      if value - count < first { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw Damage()
  }

  private mutating func readTables() throws -> (Code, Code) {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let lengthCount = try take(4) + 4
    var lengths = [Int](repeating: 0, count: 19)
    for index in 0..<lengthCount { lengths[Self.order[index]] = try take(3) }
    let code = Code(lengths)
    var all: [Int] = []
    while all.count < literalCount + distanceCount {
      let symbol = try read(code)
      switch symbol {
      case 0..<16: all.append(symbol)
      case 16:
        guard let last = all.last else { throw Damage() }
        all += [Int](repeating: last, count: try take(2) + 3)
      case 17: all += [Int](repeating: 0, count: try take(3) + 3)
      default: all += [Int](repeating: 0, count: try take(7) + 11)
      }
    }
    guard all.count == literalCount + distanceCount else { throw Damage() }
    return (Code(Array(all[..<literalCount])), Code(Array(all[literalCount...])))
  }

  /// A Huffman code: how many symbols there are of each length, and the symbols in the order of their codes.
  private struct Code {
    var counts = [Int](repeating: 0, count: 16)
    let symbols: [Int]

    init(_ lengths: [Int]) {
      for length in lengths where length > 0 { counts[length] += 1 }
      symbols = lengths.indices.filter { lengths[$0] > 0 }.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    }
  }

  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
  private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0] + (1...5).flatMap { [$0, $0, $0, $0] } + [0]
  private static let lengths: [Int] = {
    var starts: [Int] = []
    var start = 3
    for bits in lengthBits.dropLast() {
      starts.append(start)
      start += 1 << bits
    }
    return starts + [258]
  }()
  private static let distanceBits = [0, 0, 0, 0] + (1...13).flatMap { [$0, $0] }
  private static let distances: [Int] = {
    var starts: [Int] = []
    var start = 1
    for bits in distanceBits {
      starts.append(start)
      start += 1 << bits
    }
    return starts
  }()
  private static let fixedLiterals = Code(
    [Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112) + [Int](repeating: 7, count: 24)
      + [Int](repeating: 8, count: 8))
  private static let fixedDistances = Code([Int](repeating: 5, count: 30))
}
