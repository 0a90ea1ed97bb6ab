/// Foreground colours without the old background, so that a cut-out has no fringe on a new one.
///
/// A pixel at the edge shows `I = alpha * F + (1 - alpha) * B`. Blur fusion (Forte, "Approximate Fast Foreground Colour
/// Estimation", ICIP 2021) averages nearby foreground, weighted by alpha, and nearby background, weighted by 1 - alpha,
/// and moves the foreground by what these two do not explain of the picture: a wide pass, then narrower ones, as
/// `pam_edge.matting.foreground` does, with the same numbers.
enum Foreground {
  private static let sidesPx = [91, 7, 3]
  /// Rows and columns worked on at a time: a large photograph is not in memory several times over.
  private static let blockPx = 1024
  /// How far a result depends on its surroundings.
  private static let reachPx = sidesPx.reduce(0) { $0 + $1 / 2 }
  /// Added to divisors: with no foreground in reach the estimate is black.
  private static let nothing: Float = 1e-5

  /// Returns straight RGBA: the foreground's colours beside alpha.
  static func cutOut(_ image: RGBImage, alpha: Alpha) -> RGBAImage {
    let (height, width) = (alpha.height, alpha.width)
    var result = RGBAImage(height: height, width: width, bytes: [UInt8](repeating: 0, count: height * width * 4))
    for top in stride(from: 0, to: height, by: blockPx) {
      for left in stride(from: 0, to: width, by: blockPx) {
        let rows = max(0, top - reachPx)..<min(height, top + blockPx + reachPx)
        let columns = max(0, left - reachPx)..<min(width, left + blockPx + reachPx)
        let colours = passes(Block(image, alpha, rows, columns))
        for y in top..<min(height, top + blockPx) {
          for x in left..<min(width, left + blockPx) {
            let from = (y - rows.lowerBound) * columns.count + x - columns.lowerBound
            write(&result, y * width + x, alpha.values[y * width + x]) { colours[$0][from] }
          }
        }
      }
    }
    return result
  }

  /// Returns straight RGBA of a graph's own foreground, three values 0 to 255 a pixel, beside its alpha.
  static func cutOut(foreground: [Float], alpha: Alpha) -> RGBAImage {
    var result = RGBAImage(
      height: alpha.height, width: alpha.width, bytes: [UInt8](repeating: 0, count: alpha.values.count * 4))
    for pixel in alpha.values.indices {
      write(&result, pixel, alpha.values[pixel]) { foreground[3 * pixel + $0] }
    }
    return result
  }

  private static func write(_ image: inout RGBAImage, _ pixel: Int, _ alpha: Float, _ colour: (Int) -> Float) {
    for channel in 0..<3 { image.bytes[4 * pixel + channel] = byte(colour(channel)) }
    image.bytes[4 * pixel + 3] = byte(alpha * 255)
  }

  private static func byte(_ value: Float) -> UInt8 {
    UInt8(min(max(value.rounded(.toNearestOrEven), 0), 255))
  }

  /// A part of a picture as planes: three of colours, one of alpha.
  private struct Block {
    let height: Int
    let width: Int
    var colours: [[Float]]
    var alpha: [Float] = []

    init(_ image: RGBImage, _ alpha: Alpha, _ rows: Range<Int>, _ columns: Range<Int>) {
      height = rows.count
      width = columns.count
      colours = (0..<3).map { channel in
        rows.flatMap { y in columns.map { x in Float(image.bytes[3 * (y * image.width + x) + channel]) } }
      }
      self.alpha = rows.flatMap { y in alpha.values[y * alpha.width + columns.lowerBound..<y * alpha.width + columns.upperBound] }
    }
  }

  private static func passes(_ block: Block) -> [[Float]] {
    let alpha = block.alpha, rest = alpha.map { 1 - $0 }
    var (foreground, background) = (block.colours, block.colours)
    for side in sidesPx {
      let blurred = blur(alpha, block, side)
      for channel in 0..<3 {
        let near = blur(product(foreground[channel], alpha), block, side)
        let far = blur(product(background[channel], rest), block, side)
        for index in alpha.indices {
          let nearForeground = near[index] / (blurred[index] + nothing)
          let nearBackground = far[index] / (1 - blurred[index] + nothing)
          let a = alpha[index]
          let unexplained = block.colours[channel][index] - a * nearForeground - (1 - a) * nearBackground
          foreground[channel][index] = min(max(nearForeground + a * unexplained, 0), 255)
          background[channel][index] = nearBackground
        }
      }
    }
    return foreground
  }

  private static func product(_ one: [Float], _ other: [Float]) -> [Float] {
    var result = one
    for index in result.indices { result[index] *= other[index] }
    return result
  }

  /// Means over squares; beyond the border the picture goes on by reflection, without repeating its last pixel.
  private static func blur(_ plane: [Float], _ block: Block, _ side: Int) -> [Float] {
    let (height, width, reach) = (block.height, block.width, side / 2)
    let across = reflected(width, reach), down = reflected(height, reach)
    var sums = [Double](repeating: 0, count: plane.count)
    for y in 0..<height {
      var sum = 0.0
      for at in 0..<side - 1 { sum += Double(plane[y * width + across[at]]) }
      for x in 0..<width {
        sum += Double(plane[y * width + across[x + side - 1]])
        sums[y * width + x] = sum
        sum -= Double(plane[y * width + across[x]])
      }
    }
    var column = [Double](repeating: 0, count: width)
    for at in 0..<side - 1 { for x in 0..<width { column[x] += sums[down[at] * width + x] } }
    var result = [Float](repeating: 0, count: plane.count)
    let share = 1 / Double(side * side)
    for y in 0..<height {
      for x in 0..<width {
        column[x] += sums[down[y + side - 1] * width + x]
        result[y * width + x] = Float(column[x] * share)
        column[x] -= sums[down[y] * width + x]
      }
    }
    return result
  }

  /// Indices of a length with `reach` more at each end.
  private static func reflected(_ length: Int, _ reach: Int) -> [Int] {
    guard length > 1 else { return [Int](repeating: 0, count: 2 * reach + 1) }
    let period = 2 * (length - 1)
    return (-reach..<length + reach).map { at in
      let within = ((at % period) + period) % period
      return within < length ? within : period - within
    }
  }
}
