// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled, and tried, where Apple's frameworks are not.

@_exported import CoreGraphics

public enum UIApplication {
  public static let didEnterBackgroundNotification = Notification.Name("UIApplicationDidEnterBackgroundNotification")
  public static let willEnterForegroundNotification = Notification.Name("UIApplicationWillEnterForegroundNotification")
}

public final class UIImage {
  public init(cgImage: CGImage) {}
}

/// What Foundation has on Apple's systems alone.
extension ProcessInfo {
  public enum ThermalState: Int, Sendable { case nominal, fair, serious, critical }
  nonisolated(unsafe) public static var stubbedThermalState = ThermalState.nominal
  public var thermalState: ThermalState { Self.stubbedThermalState }
  public var isLowPowerModeEnabled: Bool { false }
}
