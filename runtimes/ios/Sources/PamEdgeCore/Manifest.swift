import Foundation

/// What a bundle holds, as `manifest.json` states it: schema 2.
public struct Manifest: Sendable, Equatable {
  public static let fileName = "manifest.json"
  public static let schemaVersion = 2
  /// A manifest is some tens of thousands of bytes long.
  static let largestBytes = 4 << 20

  public enum Mode: String, CaseIterable, Sendable { case `static`, multi, dynamic }
  public enum IO: String, CaseIterable, Sendable { case image, tensor }
  public enum Precision: String, CaseIterable, Sendable { case fp32, fp16, w8, w6, int8 }
  public enum Source: String, CaseIterable, Sendable {
    case trimap, mask
    case maskAndPrevious = "mask+previous"

    /// Whether the graph makes the unknown band itself.
    public var isMask: Bool { self != .trimap }
    /// Whether the graph takes what it gave for the last frame.
    public var isLive: Bool { self == .maskAndPrevious }
    /// Name of the input that says where the subject is.
    public var region: String { isMask ? "mask" : "trimap" }
  }
  public enum Result: String, CaseIterable, Sendable { case alpha, cutout }

  /// What the graph takes beside the image, and what it gives.
  public struct Ends: Sendable, Equatable {
    public let source: Source
    public let result: Result
    /// Reach of the unknown band that the graph makes of a mask.
    public let bandPx: Int
    /// Of the mask; nil where it is of the image's size.
    public let maskHeight: Int?
    public let maskWidth: Int?
  }

  /// One input or output.
  public struct Tensor: Sendable, Equatable {
    public let name: String
    public let type: String
    public let shape: [Int]
    public let layout: String
  }

  /// One way to call the model: a size, and a path or budget.
  public struct EntryPoint: Sendable, Equatable {
    public let name: String
    public let size: Size
    public let ends: Ends
    public let inputs: [Tensor]
    public let outputs: [Tensor]
    public let budget: String
    /// One 0 or 1 for each block; nil where the graph picks it for each image.
    public let path: String?
    /// What the file calls it.
    public let function: String
    /// What a dynamic graph takes as budget here, in ``costUnit``.
    public let budgetInput: Double?
    public let predictedCost: Double
    public let costUnit: String
    public let costProvenance: String
    /// The model's file, or package folder, in the bundle.
    public let file: String
    public let sha256: String
  }

  /// How a dynamic graph charges for its path.
  public struct Selection: Sendable, Equatable {
    public let unit: String
    public let fixed: Double
    public let run: [Double]
    public let bypass: [Double]
    /// What a predicted cost may be short of, 95 %.
    public let margin: Double

    /// Cost of a path, of as many 0 and 1 as there are blocks.
    public func cost(of path: String) -> Double {
      zip(path, zip(run, bypass)).reduce(fixed) { $0 + ($1.0 == "1" ? $1.1.0 : $1.1.1) }
    }

    /// Returns what the graph takes as a budget, float32 and never more than asked; milliseconds are a promise, and lose
    /// what a prediction may be short of.
    public func input(of budget: Double) -> Float {
      let wanted = unit == "ms" ? budget - margin : budget
      let nearest = Float(wanted)
      return Double(nearest) > wanted ? nearest.nextDown : nearest
    }

    /// Cost with every block bypassed; smaller budgets count as this one.
    public var shortest: Double { bypass.reduce(fixed, +) }
  }

  /// One golden vector: files below the bundle.
  public struct Golden: Sendable, Equatable {
    /// A path that a dynamic graph should choose, and by how much each gate prefers to run.
    public struct Path: Sendable, Equatable {
      public let file: String
      public let margins: [Double?]
    }

    public let picture: String
    public let size: Size
    public let image: String
    public let trimap: String
    public let mask: String?
    public let previous: String?
    public let previousPath: String?
    /// By entry point.
    public let alphas: [String: String]
    public let foregrounds: [String: String]
    public let paths: [String: Path]
  }

  public let variant: String
  public let architectureHash: String
  public let isTrained: Bool
  public let target: String
  public let mode: Mode
  public let precision: Precision
  public let io: IO
  public let selection: Selection?
  public let entryPoints: [EntryPoint]
  public let golden: [Golden]
  /// Accelerators that the file does not suit, by the names that the manifest gives them.
  public let unsuited: Set<String>
  /// Whether every entry point's parity was run and passed.
  public let isVerified: Bool

  /// Sizes of the images that its entry points take, in their order.
  public var sizes: [Size] {
    entryPoints.reduce(into: []) { if !$0.contains($1.size) { $0.append($1.size) } }
  }

  /// Blocks of the network.
  public var blockCount: Int { selection?.run.count ?? entryPoints[0].path?.count ?? 0 }
}

extension Manifest {
  /// Reads a manifest.
  ///
  /// - Throws: ``PamEdgeError`` of kind damaged, or newer if it is of a newer schema.
  public init(_ data: Data) throws {
    guard data.count <= Self.largestBytes else {
      throw Self.damaged("expected at most \(Self.largestBytes) bytes, found \(data.count)")
    }
    do {
      self = try ManifestReader.read(try JSONDecoder().decode(JSONValue.self, from: data))
    } catch {
      if let found = Self.version(of: data), found > Self.schemaVersion {
        throw PamEdgeError(
          .newer, "\(Self.fileName) was written by a newer pam-edge: expected schema \(Self.schemaVersion), found "
            + "\(found). Update this library, or package the bundle again.")
      }
      throw Self.damaged((error as? Mismatch)?.message ?? "it is no JSON")
    }
  }

  private static func damaged(_ what: String) -> PamEdgeError {
    PamEdgeError(
      .damaged, "\(fileName) is damaged or of another schema than \(schemaVersion): \(what). Copy the bundle again.")
  }

  private static func version(of data: Data) -> Int? {
    struct Versioned: Decodable { let schema_version: Int }
    return try? JSONDecoder().decode(Versioned.self, from: data).schema_version
  }
}
