import Foundation
import PamEdgeCore

#if canImport(UIKit)
  @preconcurrency import UIKit
#endif

/// Where the library keeps what can be made again.
enum AppFolders {
  static var caches: URL {
    let folders = FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask)
    return (folders.first ?? FileManager.default.temporaryDirectory).appendingPathComponent("pam-edge")
  }
}

/// The system that this runs on; Apple's runtimes are as old as it is, and have no version of their own.
enum System {
  static var version: String {
    let version = ProcessInfo.processInfo.operatingSystemVersion
    return "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
  }
}

#if canImport(CoreML)
  extension Device {
    /// This device. Nothing tells the SoC's name: it is the model's again.
    public static var current: Device {
      var names = utsname()
      uname(&names)
      let machine = withUnsafeBytes(of: names.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let model = ProcessInfo.processInfo.environment["SIMULATOR_MODEL_IDENTIFIER"].map { "\($0) simulator" } ?? machine
      return Device(model: model, soc: model, system: ProcessInfo.processInfo.operatingSystemVersionString)
    }
  }

  /// What the device says at a call: heat, saving of power, and whether the app is in front.
  public final class DeviceConditions: Sendable {
    private let front = Front()

    /// Make it when the app starts, in front.
    public init() {}

    public var now: Conditions {
      let process = ProcessInfo.processInfo
      return Conditions(
        thermal: Self.thermal(process.thermalState), lowPower: process.isLowPowerModeEnabled, background: front.isAway)
    }

    /// Foundation numbers them from 0; what is hotter than all that is known is critical.
    private static func thermal(_ state: ProcessInfo.ThermalState) -> Thermal {
      let known: [Thermal] = [.nominal, .fair, .serious, .critical]
      return known.indices.contains(state.rawValue) ? known[state.rawValue] : .critical
    }
  }

  /// Whether the app is away from the front; told and asked from any thread.
  private final class Front: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    private var observers: [any NSObjectProtocol] = []

    init() {
      #if canImport(UIKit)
        observe(UIApplication.didEnterBackgroundNotification, isAway: true)
        observe(UIApplication.willEnterForegroundNotification, isAway: false)
      #endif
    }

    deinit { observers.forEach(NotificationCenter.default.removeObserver) }

    var isAway: Bool { lock.withLock { value } }

    private func observe(_ name: Notification.Name, isAway: Bool) {
      let observer = NotificationCenter.default.addObserver(forName: name, object: nil, queue: nil) { [weak self] _ in
        self?.lock.withLock { self?.value = isAway }
      }
      observers.append(observer)
    }
  }
#endif
