import Foundation

/// What one entry point should give for one picture.
public struct GoldenVector: Sendable {
  public let picture: String
  public let inputs: Inputs
  /// To judge by.
  public let trimap: Greys
  public let alpha: Alpha
  public let foreground: [Float]?
  /// That should be taken; nil where it is fixed.
  public let path: String?
  public let margins: [Double?]

  /// Reads it.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged if files are missing, of another size or no numbers.
  init(_ artifact: Artifact, _ record: Manifest.Golden, _ entry: Manifest.EntryPoint) throws {
    let reader = Reader(artifact: artifact, picture: record.picture)
    let size = entry.size
    guard let alphaFile = record.alphas[entry.name] else { throw reader.damage("an alpha of \(entry.name)") }
    picture = record.picture
    trimap = try reader.greys(record.trimap, size)
    guard trimap.values.contains(Bands.unknown) else { throw reader.damage("a trimap with unknown pixels") }
    alpha = Alpha(height: size.height, width: size.width, values: try reader.floats(alphaFile, size.height * size.width))
    if entry.ends.result == .cutout {
      guard let file = record.foregrounds[entry.name] else { throw reader.damage("a foreground of \(entry.name)") }
      foreground = try reader.floats(file, 3 * size.height * size.width)
    } else {
      foreground = nil
    }
    let blocks = artifact.manifest.blockCount
    if entry.path == nil {
      guard let chosen = record.paths[entry.name], chosen.margins.count == blocks,
        let text = Paths.text(try reader.floats(chosen.file, blocks))
      else { throw reader.damage("a path of \(blocks) blocks, each 0 or 1, with their margins") }
      (path, margins) = (text, chosen.margins)
    } else {
      (path, margins) = (nil, [])
    }
    inputs = Inputs(
      image: try reader.rgb(record.image, size), region: try Self.region(reader, record, entry),
      budget: entry.budgetInput.map { Float($0) },
      previous: try Self.previous(reader, record, entry),
      previousPath: Self.previousPath(record, entry, blocks))
  }

  private static func region(
    _ reader: Reader, _ record: Manifest.Golden, _ entry: Manifest.EntryPoint
  ) throws -> Greys {
    guard entry.ends.source.isMask else { return try reader.greys(record.trimap, entry.size) }
    guard let mask = record.mask else { throw reader.damage("a mask") }
    let height = entry.ends.maskHeight ?? entry.size.height, width = entry.ends.maskWidth ?? entry.size.width
    return try reader.greys(mask, Size(height: height, width: width))
  }

  private static func previous(
    _ reader: Reader, _ record: Manifest.Golden, _ entry: Manifest.EntryPoint
  ) throws -> Alpha? {
    guard entry.ends.source.isLive else { return nil }
    let (height, width) = (entry.size.height, entry.size.width)
    guard let file = record.previous else { return Alpha(height: height, width: width, repeating: noPrevious) }
    return Alpha(height: height, width: width, values: try reader.floats(file, height * width))
  }

  private static func previousPath(
    _ record: Manifest.Golden, _ entry: Manifest.EntryPoint, _ blocks: Int
  ) -> [Float]? {
    guard entry.ends.source.isLive, entry.path == nil else { return nil }
    return record.previousPath?.map { $0 == "1" ? 1 : 0 } ?? [Float](repeating: noPreviousBlock, count: blocks)
  }

  /// What a live graph takes for the last frame's alpha, and for each block of its path, where there is none.
  static let noPrevious: Float = -1
  static let noPreviousBlock: Float = 0.5

  private struct Reader {
    let artifact: Artifact
    let picture: String

    func damage(_ expected: String) -> PamEdgeError {
      PamEdgeError(
        .damaged, "The golden vectors of \(picture) are damaged: expected \(expected). Copy the bundle again.")
    }

    func floats(_ name: String, _ count: Int) throws -> [Float] {
      guard let values = Floats.values(try artifact.read(name)), values.count == count,
        values.allSatisfy(\.isFinite)
      else { throw damage("\(count) numbers in \(name)") }
      return values
    }

    func rgb(_ name: String, _ size: Size) throws -> RGBImage {
      RGBImage(height: size.height, width: size.width, bytes: try png(name, size, channels: 3))
    }

    func greys(_ name: String, _ size: Size) throws -> Greys {
      Greys(height: size.height, width: size.width, values: try png(name, size, channels: 1))
    }

    private func png(_ name: String, _ size: Size, channels: Int) throws -> [UInt8] {
      guard let found = try? PNG.decode([UInt8](artifact.read(name))),
        (found.height, found.width, found.channels) == (size.height, size.width, channels)
      else { throw damage("a PNG of \(size.height)x\(size.width), 8 bits, \(channels) channels, in \(name)") }
      return found.bytes
    }
  }
}
