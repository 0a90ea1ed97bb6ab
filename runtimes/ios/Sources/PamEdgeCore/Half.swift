/// Half precision by its bits: `Float16` is missing on Intel Macs, and this is what Core ML's alpha comes in.
public enum Half {
  /// Returns the number that sixteen bits stand for.
  public static func float(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1f
    let fraction = UInt32(bits) & 0x3ff
    switch exponent {
    case 0:  // zero, or a fraction of 2^-24
      let size = Float(fraction) * 0x1p-24
      return sign == 0 ? size : -size
    case 0x1f: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// Returns the bits of the nearest number in half precision, of two equally near ones the even; beyond it, infinity.
  public static func bits(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    if value.isNaN { return sign | 0x7e00 }
    let size = abs(value)
    if size >= 65520 { return sign | 0x7c00 }
    if size < 0x1p-14 { return sign | UInt16((size * 0x1p24).rounded(.toNearestOrEven)) }
    let pattern = size.bitPattern - (112 << 23)
    let rounded = (pattern + 0xfff + (pattern >> 13 & 1)) >> 13
    return sign | UInt16(rounded)
  }
}
