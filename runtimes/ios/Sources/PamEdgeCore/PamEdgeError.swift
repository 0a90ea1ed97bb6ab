import Foundation

/// What went wrong, in one paragraph: what was expected, what was found, what to do.
public struct PamEdgeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Whose matter it is.
  public enum Kind: String, Sendable {
    /// The app asked for something that cannot be: another picture, budget or call is needed.
    case usage
    /// The bundle, or a file that was handed in, is missing, damaged or tampered with: another copy is needed.
    case damaged
    /// The bundle is of a newer schema than this library reads.
    case newer
    /// The bundle cannot be used here: it is of another platform, or needs a newer system.
    case unsuited
    /// No compute unit gave what the golden vectors expect: nothing is cut out.
    case wrong
    /// The platform's runtime could not load or run the model.
    case runtime
  }

  public let kind: Kind
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

extension PamEdgeError: LocalizedError {
  public var errorDescription: String? { message }
}
