/// A picture and its trimap that go on beyond the lower and right border by reflection, to what tiles cover.
///
/// Pieces are padded when they are looked at: a large photograph is not copied.
struct Canvas: Sendable {
  let image: RGBImage
  let trimap: Greys
  let rows: Axis
  let columns: Axis

  init(image: RGBImage, trimap: Greys, tileHeight: Int, tileWidth: Int) {
    self.image = image
    self.trimap = trimap
    rows = Axis(size: trimap.height, tile: tileHeight)
    columns = Axis(size: trimap.width, tile: tileWidth)
  }

  func image(at part: Part) -> RGBImage {
    var bytes = [UInt8]()
    bytes.reserveCapacity(part.rows.count * part.columns.count * 3)
    let across = reflected(part.columns, image.width)
    for y in reflected(part.rows, image.height) {
      for x in across {
        let at = 3 * (y * image.width + x)
        bytes.append(image.bytes[at])
        bytes.append(image.bytes[at + 1])
        bytes.append(image.bytes[at + 2])
      }
    }
    return RGBImage(height: part.rows.count, width: part.columns.count, bytes: bytes)
  }

  func trimap(at part: Part) -> Greys {
    let across = reflected(part.columns, trimap.width)
    let values = reflected(part.rows, trimap.height).flatMap { y in across.map { x in trimap[y, x] } }
    return Greys(height: part.rows.count, width: part.columns.count, values: values)
  }

  /// Returns the picture and trimap at half the size; a pixel's grey is known where all that it covers is, so that
  /// nothing unknown gets lost.
  func halved() -> (image: RGBImage, trimap: Greys) {
    let height = (rows.length + 1) / 2, width = (columns.length + 1) / 2
    let down = reflected(0..<2 * height, trimap.height), across = reflected(0..<2 * width, trimap.width)
    var small = RGBImage(height: height, width: width, bytes: [UInt8](repeating: 0, count: height * width * 3))
    var known = Greys(height: height, width: width, repeating: Bands.unknown)
    for y in 0..<height {
      let (above, below) = (down[2 * y] * trimap.width, down[2 * y + 1] * trimap.width)
      for x in 0..<width {
        let (left, right) = (across[2 * x], across[2 * x + 1])
        let covered = (above + left, above + right, below + left, below + right)
        let grey = trimap.values[covered.0]
        let isOne = grey == trimap.values[covered.1] && grey == trimap.values[covered.2]
        if isOne, grey == trimap.values[covered.3] { known[y, x] = grey }
        for channel in 0..<3 {
          let upper = Int(image.bytes[3 * covered.0 + channel]) + Int(image.bytes[3 * covered.1 + channel])
          let lower = Int(image.bytes[3 * covered.2 + channel]) + Int(image.bytes[3 * covered.3 + channel])
          small.bytes[3 * (y * width + x) + channel] = UInt8((upper + lower + 2) / 4)
        }
      }
    }
    return (small, known)
  }

  /// Indices within a picture's axis: beyond its last pixel back again, without repeating that.
  private func reflected(_ span: Range<Int>, _ length: Int) -> [Int] {
    guard length > 1 else { return [Int](repeating: 0, count: span.count) }
    let period = 2 * (length - 1)
    return span.map { at in
      let within = at % period
      return within < length ? within : period - within
    }
  }
}

/// Rows and columns of a canvas.
struct Part: Sendable {
  let rows: Range<Int>
  let columns: Range<Int>
}
