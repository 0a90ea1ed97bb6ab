// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled where Apple's frameworks are not.

import SwiftUI

public struct PhotosPickerItem: Equatable, Sendable {
  public func loadTransferable<T>(type: T.Type) async throws -> T? { nil }
}

public enum PHPickerFilter { case images }

public struct PhotosPicker: View {
  public init(_ title: String, selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter?) {}
  public var body: Never { return fatalError("a stub shows nothing") }
}
