/// Trimaps: which pixels are background, foreground, or for the network to decide.
public enum Bands {
  public static let background: UInt8 = 0
  public static let unknown: UInt8 = 128
  public static let foreground: UInt8 = 255

  /// Greys below are background, and those from `foregroundFrom` on foreground: the graph contract's thresholds.
  public static let unknownFrom: UInt8 = 64
  public static let foregroundFrom: UInt8 = 192

  /// Mask greys this near to black or white are noise of an encoder, not softness: alpha 0.02 and 0.98.
  public static let clearUpTo: UInt8 = 5
  public static let solidFrom: UInt8 = 250

  private static let shareOfShortSide = 0.02
  private static let narrowestBandPx = 4

  /// Returns a trimap with its greys replaced by the three values that they stand for.
  public static func cleanTrimap(_ trimap: Greys) -> Greys {
    map(trimap) { $0 < unknownFrom ? background : $0 >= foregroundFrom ? foreground : unknown }
  }

  /// Returns how far the unknown band of a mask reaches to each side of its edge, in pixels of the picture.
  public static func defaultBandPx(height: Int, width: Int) -> Int {
    max(narrowestBandPx, Int((shareOfShortSide * Double(min(height, width))).rounded(.toNearestOrEven)))
  }

  /// Returns a trimap whose unknown region is a band around a mask's edge.
  ///
  /// Soft greys of the mask are unknown wherever they are, and so is everything within the band's reach of them. The
  /// picture's border is no edge: a subject that leaves the picture stays foreground up to the border.
  ///
  /// - Parameters:
  ///   - mask: 0 background to 255 foreground: a hard or soft mask, or an alpha matte.
  ///   - bandPx: how far the unknown region reaches to each side of the edge, in pixels, measured to pixel centres;
  ///     nil takes ``defaultBandPx(height:width:)``.
  /// - Returns: 0, 128 and 255.
  /// - Throws: ``PamEdgeError`` of kind usage if the band is negative.
  public static func trimap(fromMask mask: Greys, bandPx: Int? = nil) throws -> Greys {
    let reach = bandPx ?? defaultBandPx(height: mask.height, width: mask.width)
    guard reach >= 0 else {
      throw PamEdgeError(
        .usage, "Expected an unknown band of 0 pixels or more; got \(reach). Give the band's reach in pixels.")
    }
    let toForeground = Distance.squared(to: map(mask) { $0 > clearUpTo })
    let toBackground = Distance.squared(to: map(mask) { $0 < solidFrom })
    let limit = Distance.square(reach)
    var trimap = Greys(height: mask.height, width: mask.width, repeating: unknown)
    for index in trimap.values.indices {
      if toForeground.values[index] > limit { trimap.values[index] = background }
      if toBackground.values[index] > limit { trimap.values[index] = foreground }
    }
    return trimap
  }

  /// Returns a mask whose band is about a trimap's unknown region: what ``trimap(fromMask:bandPx:)`` undoes.
  ///
  /// Unknown pixels within the band's reach of a known one belong to the nearer side; what is further in stays soft.
  ///
  /// - Parameters:
  ///   - trimap: 0, 128 and 255.
  ///   - bandPx: reach of the band that will be made of the mask.
  ///   - height: of the mask; nil takes the trimap's.
  ///   - width: likewise.
  /// - Returns: 0, 128 and 255.
  public static func mask(fromTrimap trimap: Greys, bandPx: Int, height: Int? = nil, width: Int? = nil) -> Greys {
    let toBackground = Distance.squared(to: map(trimap) { $0 == background })
    let toForeground = Distance.squared(to: map(trimap) { $0 == foreground })
    let limit = Distance.square(bandPx)
    var mask = Greys(height: trimap.height, width: trimap.width, repeating: background)
    for index in mask.values.indices {
      let (near, far) = (toForeground.values[index], toBackground.values[index])
      if near <= far { mask.values[index] = foreground }
      if min(near, far) > limit { mask.values[index] = unknown }
    }
    return Resizing.nearest(mask, height: height ?? trimap.height, width: width ?? trimap.width)
  }

  static func map<T>(_ greys: Greys, _ transform: (UInt8) -> T) -> Plane<T> {
    Plane(height: greys.height, width: greys.width, values: greys.values.map(transform))
  }
}
