import Foundation

/// The file of timings that `pam-edge profile import` fits.
public struct Samples: Codable, Equatable, Sendable {
  /// One call along one path, after warm-up.
  public struct Sample: Codable, Equatable, Sendable {
    /// One 0 or 1 for each block.
    public let path: String
    /// From 0.
    public let round: Int
    /// Wall clock.
    public let latencyMs: Double
    /// How hot the device said it was; nil if it did not.
    public let thermal: Thermal?

    public init(path: String, round: Int, latencyMs: Double, thermal: Thermal? = nil) {
      self.path = path
      self.round = round
      self.latencyMs = latencyMs
      self.thermal = thermal
    }

    enum CodingKeys: String, CodingKey {
      case path, round, thermal
      case latencyMs = "latency_ms"
    }
  }

  public var schemaVersion = 1
  public let device: String
  public let soc: String
  public let os: String
  public let target: String
  public let runtime: String
  public let runtimeVersion: String
  public let computeUnit: String
  /// What was asked for: which unit Core ML used it does not say.
  public let delegate: String
  public let threads: Int
  public let precision: String
  public let height: Int
  public let width: Int
  public let variant: String
  public let architectureHash: String
  /// As 2026-01-31.
  public let date: String
  public let tool: String
  public var peakMemoryBytes: Int?
  /// In the order in which they were taken.
  public var samples: [Sample]

  enum CodingKeys: String, CodingKey {
    case device, soc, os, target, runtime, delegate, threads, precision, height, width, variant, date, tool, samples
    case schemaVersion = "schema_version"
    case runtimeVersion = "runtime_version"
    case computeUnit = "compute_unit"
    case architectureHash = "architecture_hash"
    case peakMemoryBytes = "peak_memory_bytes"
  }

  /// Returns the file's bytes: JSON.
  public func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return try encoder.encode(self)
  }
}
