/// Runs a model of fixed size on a picture of any size.
///
/// The rule, with nothing to set: a picture is shown to the model at its own resolution. A smaller one is padded by
/// reflection, image and trimap alike, so that what touches the border goes on beyond it. A larger one is cut into
/// overlapping tiles, blended by a smooth window that gives no weight to a tile's outer margin, where the tile lacks
/// context. Tiles with nothing unknown are not run.
///
/// A tile that shows the model no subject, or no background, is guesswork: its trimap is completed first with what the
/// same procedure is certain of on the picture at half the size, where more is in view. Where even that shows one of
/// the two alone, or leaves nothing unknown, the alpha of half the size stands.
public struct Tiling: Sendable {
  /// Computes the alpha matte of a picture of exactly the model's size, given a trimap of 0, 128 and 255.
  public typealias Model = @Sendable (RGBImage, Greys) async throws -> Alpha

  /// Share of a tile that must be foreground, and background, to know them by: 32 x 32 pixels of 512 x 512.
  private static let leastSeenShare = 256
  /// How far alpha of half the size must be solid or clear around a pixel of the picture to complete a trimap with it.
  private static let certainPx = 6
  /// Pixels of half the size around a part that decide what is certain in it, and two for the interpolation.
  private static let margin = certainPx / 2 + 2

  public let height: Int
  public let width: Int
  private let model: Model

  /// - Parameters:
  ///   - height: of the pictures that the model takes.
  ///   - width: likewise.
  public init(height: Int, width: Int, model: @escaping Model) {
    self.height = height
    self.width = width
    self.model = model
  }

  /// Returns which of several models' sizes suits a picture: the one that needs the fewest tiles, then the smallest.
  public static func chooseSize(_ sizes: [Size], height: Int, width: Int) -> Size? {
    func effort(_ size: Size) -> (Int, Int) {
      let rows = Axis.cover(size: height, tile: size.height).starts.count
      let columns = Axis.cover(size: width, tile: size.width).starts.count
      return (rows * columns, size.height * size.width)
    }
    return sizes.min { effort($0) < effort($1) }
  }

  /// Returns the alpha matte of a picture of any size; exactly 0 and 1 where the trimap is known.
  ///
  /// - Throws: ``PamEdgeError`` of kind usage if image and trimap are of different sizes or empty; what the model
  ///   throws; `CancellationError` between two tiles.
  public func matte(_ image: RGBImage, trimap: Greys) async throws -> Alpha {
    guard (image.height, image.width) == (trimap.height, trimap.width), image.height * image.width > 0 else {
      throw PamEdgeError(
        .usage, "Expected a picture and a trimap of one size, and not empty; got \(image.height)x\(image.width) and "
          + "\(trimap.height)x\(trimap.width). Make the trimap at the picture's size.")
    }
    return try await matteClean(image, Bands.cleanTrimap(trimap))
  }

  private func matteClean(_ image: RGBImage, _ trimap: Greys) async throws -> Alpha {
    let canvas = Canvas(image: image, trimap: trimap, tileHeight: height, tileWidth: width)
    let total = try await blendTiles(canvas)
    var alpha = Alpha(height: trimap.height, width: trimap.width, repeating: 0)
    for y in 0..<trimap.height {
      for x in 0..<trimap.width {
        switch trimap[y, x] {
        case Bands.background: break
        case Bands.foreground: alpha[y, x] = 1
        default: alpha[y, x] = min(max(total[y, x], 0), 1)
        }
      }
    }
    return alpha
  }

  /// Returns the weighted sum of all tiles' alphas; it means something in the unknown region only.
  private func blendTiles(_ canvas: Canvas) async throws -> Alpha {
    var total = Alpha(height: canvas.rows.length, width: canvas.columns.length, repeating: 0)
    let isOne = canvas.rows.starts.count * canvas.columns.starts.count == 1
    var half: Alpha?
    for (row, top) in canvas.rows.starts.enumerated() {
      for (column, left) in canvas.columns.starts.enumerated() {
        let part = Part(rows: top..<top + height, columns: left..<left + width)
        let trimap = canvas.trimap(at: part)
        let (down, across) = (canvas.rows.weights[row], canvas.columns.weights[column])
        guard weighsOnUnknown(trimap, down, across) else { continue }
        try Task.checkCancellation()
        let alpha: Alpha
        if isOne || seesBoth(trimap) {
          alpha = try await model(canvas.image(at: part), trimap)
        } else {
          if half == nil {
            let small = canvas.halved()
            half = try await matteClean(small.image, small.trimap)
          }
          let (coarse, completed) = try complete(trimap, part, half!)
          let isWorthIt = seesBoth(completed) && completed.values.contains(Bands.unknown)
          alpha = isWorthIt ? try await model(canvas.image(at: part), completed) : coarse
        }
        for y in 0..<height {
          for x in 0..<width { total[top + y, left + x] += down[y] * across[x] * alpha[y, x] }
        }
      }
    }
    return total
  }

  fileprivate func weighsOnUnknown(_ trimap: Greys, _ down: [Float], _ across: [Float]) -> Bool {
    for y in 0..<height where down[y] > 0 {
      for x in 0..<width where across[x] > 0 && trimap[y, x] == Bands.unknown { return true }
    }
    return false
  }

  private func seesBoth(_ trimap: Greys) -> Bool {
    [Bands.background, Bands.foreground].allSatisfy { known in
      trimap.values.reduce(0) { $0 + ($1 == known ? 1 : 0) } * Self.leastSeenShare >= trimap.values.count
    }
  }

  /// Returns a part's alpha as half the size tells it, and its trimap completed with what is certain in that.
  private func complete(_ trimap: Greys, _ part: Part, _ half: Alpha) throws -> (alpha: Alpha, trimap: Greys) {
    let rows = near(part.rows, half.height), columns = near(part.columns, half.width)
    let small = rows.flatMap { y in columns.map { x in half[y, x] } }
    let wide = Resizing.doubled(Alpha(height: rows.count, width: columns.count, values: small))
    let greys = wide.values.map { UInt8(($0 * 255).rounded(.toNearestOrEven)) }
    let certain = try Bands.trimap(
      fromMask: Greys(height: wide.height, width: wide.width, values: greys), bandPx: Self.certainPx)
    var (alpha, completed) = (Alpha(height: height, width: width, repeating: 0), trimap)
    for y in 0..<height {
      for x in 0..<width {
        let (down, across) = (part.rows.lowerBound + y - 2 * rows.lowerBound, part.columns.lowerBound + x - 2 * columns.lowerBound)
        alpha[y, x] = wide[down, across]
        if completed[y, x] == Bands.unknown { completed[y, x] = certain[down, across] }
      }
    }
    return (alpha, completed)
  }

  private func near(_ span: Range<Int>, _ length: Int) -> Range<Int> {
    max(0, span.lowerBound / 2 - Self.margin)..<min(length, (span.upperBound + 1) / 2 + Self.margin)
  }
}

/// Height and width of an image.
public struct Size: Hashable, Sendable {
  public let height: Int
  public let width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

extension Tiling {
  /// Returns how many tiles of a size have something unknown of a clean trimap, half sizes not counted.
  static func tileCount(_ size: Size, trimap: Greys) -> Int {
    let tiling = Tiling(height: size.height, width: size.width) { _, _ in throw CancellationError() }
    let canvas = Canvas(
      image: RGBImage(height: 0, width: 0, bytes: []), trimap: trimap, tileHeight: size.height, tileWidth: size.width)
    var count = 0
    for (row, top) in canvas.rows.starts.enumerated() {
      for (column, left) in canvas.columns.starts.enumerated() {
        let part = Part(rows: top..<top + size.height, columns: left..<left + size.width)
        let weights = (canvas.rows.weights[row], canvas.columns.weights[column])
        if tiling.weighsOnUnknown(canvas.trimap(at: part), weights.0, weights.1) { count += 1 }
      }
    }
    return count
  }
}
