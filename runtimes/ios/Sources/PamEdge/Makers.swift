#if canImport(CoreML)
  import PamEdgeCore

  /// Which runtime takes a bundle's files on this system.
  enum Makers {
    /// Core AI, where the system and what the app was built with have it.
    static var coreAI: (any EngineMaker)? {
      #if canImport(CoreAI)
        if #available(iOS 27, macOS 27, *) { return CoreAIMaker() }
      #endif
      return nil
    }

    /// Returns the runtime for a target; Core ML for those of other platforms too, which ``Matter`` then refuses.
    ///
    /// - Throws: ``PamEdgeError`` of kind unsuited if it takes Core AI, and there is none.
    static func maker(for target: String, coreAI: (any EngineMaker)? = Makers.coreAI) throws -> any EngineMaker {
      guard target == "coreai" else { return CoreMLMaker() }
      guard let coreAI else {
        throw PamEdgeError(
          .unsuited, "Expected a system with Core AI for this bundle, iOS 27 or macOS 27, in an app built with Xcode 27 or "
            + "later; there is none here. Convert with --target coreml for older systems.")
      }
      return coreAI
    }
  }
#endif
