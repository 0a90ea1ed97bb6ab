/// Exact Euclidean distances in time proportional to the number of pixels, whatever the distances are.
enum Distance {
  /// Stands for "there is none": beyond the square of any distance in a picture.
  static let none = Int.max / 4

  /// Returns the square of a reach; of one beyond any picture, less than ``none``.
  static func square(_ reach: Int) -> Int {
    reach < 1 << 24 ? reach * reach : none - 1
  }

  /// Returns the square of each pixel's distance to the nearest pixel of a region, between pixel centres; ``none``
  /// everywhere where the region is empty.
  ///
  /// Down the columns first, then along the rows: the smallest of the parabolas that stand on a row's pixels, each as
  /// high as its column's distance, is kept as a list of where one takes over from the next.
  static func squared(to region: Plane<Bool>) -> Plane<Int> {
    var result = alongColumns(region)
    var centres = [Int](repeating: 0, count: region.width)
    var starts = [Int](repeating: 0, count: region.width)
    var row = [Int](repeating: 0, count: region.width)
    for y in 0..<region.height {
      for x in 0..<region.width { row[x] = result[y, x] }
      lowerEnvelope(row, &centres, &starts) { x, value in result[y, x] = value }
    }
    return result
  }

  private static func alongColumns(_ region: Plane<Bool>) -> Plane<Int> {
    let (height, width) = (region.height, region.width)
    var steps = Plane(height: height, width: width, repeating: none)
    for y in 0..<height {
      for x in 0..<width {
        if region[y, x] { steps[y, x] = 0 } else if y > 0, steps[y - 1, x] < none { steps[y, x] = steps[y - 1, x] + 1 }
      }
    }
    for y in stride(from: height - 2, through: 0, by: -1) {
      for x in 0..<width where steps[y + 1, x] < none { steps[y, x] = min(steps[y, x], steps[y + 1, x] + 1) }
    }
    for index in steps.values.indices where steps.values[index] < none { steps.values[index] *= steps.values[index] }
    return steps
  }

  private static func lowerEnvelope(
    _ heights: [Int], _ centres: inout [Int], _ starts: inout [Int], _ give: (Int, Int) -> Void
  ) {
    var last = -1
    for x in heights.indices where heights[x] < none {
      // From `start` on the parabola of x lies below that of c.
      func start(after c: Int) -> Int {
        let rise = x * x - c * c + heights[x] - heights[c]
        return Int((Double(rise) / Double(2 * (x - c))).rounded(.down)) + 1
      }
      while last >= 0, start(after: centres[last]) <= starts[last] { last -= 1 }
      let from = last < 0 ? 0 : start(after: centres[last])
      guard from < heights.count else { continue }
      last += 1
      centres[last] = x
      starts[last] = from
    }
    guard last >= 0 else { return }
    for x in heights.indices.reversed() {
      while starts[last] > x { last -= 1 }
      let across = x - centres[last]
      give(x, across * across + heights[centres[last]])
    }
  }
}
