import Foundation

/// How one axis of a picture is covered by tiles: where they start, and how much each weighs along its length.
struct Axis: Sendable {
  /// What tiles cover: the picture's size, padded as needed.
  let length: Int
  let starts: [Int]
  /// One row for each tile; over all tiles they sum to 1 at every pixel.
  let weights: [[Float]]

  /// Tiles start on multiples of the network's stride, so that neighbours sample their overlap alike.
  private static let grid = 32

  /// Covers `size` pixels, padded as needed, by tiles that overlap by at least a quarter of their size.
  init(size: Int, tile: Int) {
    (length, starts) = Self.cover(size: size, tile: tile)
    weights = Self.windows(starts: starts, tile: tile, length: length)
  }

  /// Returns how many pixels tiles cover of `size`, which they pad as needed, and where they start.
  static func cover(size: Int, tile: Int) -> (length: Int, starts: [Int]) {
    let unit = tile % grid == 0 && tile > grid ? grid : 1
    let length = max(tile, (size + unit - 1) / unit * unit)
    let toGo = (length - tile) / unit
    let longestStep = max(1, tile * 3 / 4 / unit)
    let count = 1 + (toGo + longestStep - 1) / longestStep
    guard count > 1 else { return (length, [0]) }
    let step = Double(toGo) / Double(count - 1)
    let starts = (0..<count).map { index in
      index == count - 1 ? toGo * unit : Int((Double(index) * step).rounded(.toNearestOrEven)) * unit
    }
    return (length, starts)
  }

  /// From a tile's edge inwards: no weight for a sixteenth of its size, then a raised cosine over an eighth, then full
  /// weight. At the picture's own borders there is full weight, for there is nothing else.
  private static func windows(starts: [Int], tile: Int, length: Int) -> [[Float]] {
    let ramp = (0..<tile).map { at -> Double in
      let distance = min(Double(at) + 0.5, Double(tile) - 0.5 - Double(at))
      let share = min(max((distance - Double(tile) / 16) / (Double(tile) / 8), 0), 1)
      return 0.5 - 0.5 * cos(.pi * share)
    }
    var spread = starts.map { _ in ramp }
    for at in 0..<tile / 2 { spread[0][at] = 1 }
    for at in tile / 2..<tile { spread[starts.count - 1][at] = 1 }
    var sums = [Double](repeating: 0, count: length)
    for (index, start) in starts.enumerated() {
      for at in 0..<tile { sums[start + at] += spread[index][at] }
    }
    return starts.enumerated().map { index, start in (0..<tile).map { Float(spread[index][$0] / sums[start + $0]) } }
  }
}
