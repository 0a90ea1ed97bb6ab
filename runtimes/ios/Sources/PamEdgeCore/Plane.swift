/// One channel of a picture: rows from the top, without gaps between them.
public struct Plane<Value: Sendable>: Sendable {
  public let height: Int
  public let width: Int
  public var values: [Value]

  /// - Precondition: there are `height * width` values.
  public init(height: Int, width: Int, values: [Value]) {
    precondition(values.count == height * width, "\(height)x\(width) values are expected, not \(values.count)")
    self.height = height
    self.width = width
    self.values = values
  }

  public init(height: Int, width: Int, repeating value: Value) {
    self.init(height: height, width: width, values: [Value](repeating: value, count: height * width))
  }

  public subscript(row: Int, column: Int) -> Value {
    get { values[row * width + column] }
    set { values[row * width + column] = newValue }
  }
}

extension Plane: Equatable where Value: Equatable {}

/// A mask (0 background to 255 foreground) or a trimap (0, 128, 255).
public typealias Greys = Plane<UInt8>

/// Opacity, 0 to 1.
public typealias Alpha = Plane<Float>

/// A picture of bytes, RGB, upright, rows from the top without gaps, three bytes a pixel.
public struct RGBImage: Equatable, Sendable {
  public let height: Int
  public let width: Int
  public var bytes: [UInt8]

  /// - Precondition: there are `height * width * 3` bytes.
  public init(height: Int, width: Int, bytes: [UInt8]) {
    precondition(bytes.count == height * width * 3, "\(height)x\(width)x3 bytes are expected, not \(bytes.count)")
    self.height = height
    self.width = width
    self.bytes = bytes
  }
}

/// A cut-out: straight (not premultiplied) RGBA, rows from the top without gaps.
public struct RGBAImage: Equatable, Sendable {
  public let height: Int
  public let width: Int
  public var bytes: [UInt8]

  /// - Precondition: there are `height * width * 4` bytes.
  public init(height: Int, width: Int, bytes: [UInt8]) {
    precondition(bytes.count == height * width * 4, "\(height)x\(width)x4 bytes are expected, not \(bytes.count)")
    self.height = height
    self.width = width
    self.bytes = bytes
  }
}
