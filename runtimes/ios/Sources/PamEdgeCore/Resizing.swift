/// The few resizings that matting needs, to the last bit or float as the Python side's library does them.
enum Resizing {
  /// Returns the nearest pixels, by pixel centres in sixteen bits of fixed point.
  static func nearest(_ source: Greys, height: Int, width: Int) -> Greys {
    if (height, width) == (source.height, source.width) { return source }
    let rows = nearestIndices(source.height, height)
    let columns = nearestIndices(source.width, width)
    return Greys(height: height, width: width, values: rows.flatMap { y in columns.map { x in source[y, x] } })
  }

  private static func nearestIndices(_ length: Int, _ wanted: Int) -> [Int] {
    let step = ((length << 16) + wanted / 2) / wanted
    let offset = step / 2 - length % 2
    return (0..<wanted).map { min(max((step * $0 + offset) >> 16, 0), length - 1) }
  }

  /// Returns a plane of twice the height and width, interpolated between pixel centres; borders go on as they are.
  static func doubled(_ source: Alpha) -> Alpha {
    let rows = halfSteps(source.height), columns = halfSteps(source.width)
    var wide = [Float](repeating: 0, count: source.height * columns.count)
    for y in 0..<source.height {
      for (x, step) in columns.enumerated() {
        wide[y * columns.count + x] = source[y, step.index] * (1 - step.share) + source[y, step.next] * step.share
      }
    }
    var result = Alpha(height: rows.count, width: columns.count, repeating: 0)
    for (y, step) in rows.enumerated() {
      for x in columns.indices {
        let (one, other) = (wide[step.index * columns.count + x], wide[step.next * columns.count + x])
        result[y, x] = one * (1 - step.share) + other * step.share
      }
    }
    return result
  }

  private struct Step {
    let index: Int
    let next: Int
    let share: Float
  }

  private static func halfSteps(_ length: Int) -> [Step] {
    (0..<2 * length).map { at in
      let index = (at - 1) >> 1
      if index < 0 { return Step(index: 0, next: 0, share: 0) }
      if index >= length - 1 { return Step(index: length - 1, next: length - 1, share: 0) }
      return Step(index: index, next: index + 1, share: at % 2 == 0 ? 0.75 : 0.25)
    }
  }
}

extension Plane<UInt8> {
  /// Returns a mask of another size, interpolated between pixel centres: platforms make masks smaller than pictures.
  public func resized(height: Int, width: Int) -> Greys {
    if (height, width) == (self.height, self.width) { return self }
    let rows = Self.steps(self.height, height), columns = Self.steps(self.width, width)
    var result = Greys(height: height, width: width, repeating: 0)
    for (y, down) in rows.enumerated() {
      for (x, across) in columns.enumerated() {
        let above = mixed(down.index, across), below = mixed(down.next, across)
        result[y, x] = UInt8((above + (below - above) * down.share).rounded(.toNearestOrEven))
      }
    }
    return result
  }

  private typealias Step = (index: Int, next: Int, share: Float)

  private func mixed(_ y: Int, _ across: Step) -> Float {
    let (left, right) = (Float(self[y, across.index]), Float(self[y, across.next]))
    return left + (right - left) * across.share
  }

  private static func steps(_ length: Int, _ wanted: Int) -> [Step] {
    (0..<wanted).map { at in
      let place = (Float(at) + 0.5) * Float(length) / Float(wanted) - 0.5
      let index = Int(min(max(place, 0), Float(length - 1)))
      return (index, Swift.min(index + 1, length - 1), min(max(place - Float(index), 0), 1))
    }
  }
}
