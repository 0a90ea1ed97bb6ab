// A stub for tests, no part of the library: as much of Apple's framework of this name as is called here, so that the
// calling code is compiled where Apple's frameworks are not.

@_exported import CoreGraphics
import UIKit

@MainActor
public protocol View {
  associatedtype Body: View
  @ViewBuilder var body: Body { get }
}

extension Never: View {
  public var body: Never { return fatalError("a stub shows nothing") }
}

public struct Shown: View {
  public var body: Never { return fatalError("a stub shows nothing") }
}

@MainActor @resultBuilder
public enum ViewBuilder {
  public static func buildExpression(_ view: some View) -> Shown { Shown() }
  public static func buildBlock(_ views: Shown...) -> Shown { Shown() }
  public static func buildOptional(_ view: Shown?) -> Shown { Shown() }
}

extension View {
  public func padding() -> some View { Shown() }
  public func background(_ colour: Color) -> some View { Shown() }
  public func accessibilityLabel(_ text: String) -> some View { Shown() }
  public func scaledToFit() -> some View { Shown() }
  public func task(_ action: @escaping @MainActor @Sendable () async -> Void) -> some View { Shown() }
  public func task<T: Equatable>(id value: T, _ action: @escaping @MainActor @Sendable () async -> Void) -> some View {
    Shown()
  }
}

public struct Color: Sendable {
  public static let teal = Color()
}

public struct Text: View {
  public init(_ text: String) {}
  public var body: Never { return fatalError("a stub shows nothing") }
}

public struct ProgressView: View {
  public init() {}
  public var body: Never { return fatalError("a stub shows nothing") }
}

public struct Image: View {
  public init(uiImage: UIImage) {}
  public func resizable() -> Image { self }
  public var body: Never { return fatalError("a stub shows nothing") }
}

public struct VStack: View {
  public init(spacing: CGFloat?, @ViewBuilder content: () -> Shown) {}
  public var body: Never { return fatalError("a stub shows nothing") }
}

public struct Toggle: View {
  public init(_ title: String, isOn: Binding<Bool>) {}
  public var body: Never { return fatalError("a stub shows nothing") }
}

public struct Slider: View {
  public init(value: Binding<Double>, in bounds: ClosedRange<Double>, @ViewBuilder label: () -> Shown) {}
  public var body: Never { return fatalError("a stub shows nothing") }
}

@propertyWrapper
public struct Binding<Value> {
  public var wrappedValue: Value
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

@MainActor @propertyWrapper
public struct State<Value> {
  public var wrappedValue: Value
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
  public var projectedValue: Binding<Value> { Binding(wrappedValue: wrappedValue) }
}

extension State where Value: ExpressibleByNilLiteral {
  public init() { self.init(wrappedValue: nil) }
}

public protocol ObservableObject: AnyObject {}

@MainActor @propertyWrapper
public struct StateObject<Value: ObservableObject> {
  public var wrappedValue: Value
  public init(wrappedValue: @autoclosure @escaping () -> Value) { self.wrappedValue = wrappedValue() }
}

@propertyWrapper
public struct Published<Value> {
  public var wrappedValue: Value
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

@MainActor
public protocol Scene {}

public struct WindowGroup: Scene {
  public init(@ViewBuilder content: () -> Shown) {}
}

@MainActor
public protocol App {
  associatedtype Body: Scene
  var body: Body { get }
  init()
}

extension App {
  public static func main() {}
}
