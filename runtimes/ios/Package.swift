// swift-tools-version: 6.0
import Foundation
import PackageDescription

let package = Package(
  name: "PamEdge",
  platforms: [.iOS(.v16), .macOS(.v13)],
  products: [
    .library(name: "PamEdge", targets: ["PamEdge"]),
    .library(name: "PamEdgeCore", targets: ["PamEdgeCore"]),
  ],
  targets: [
    .target(name: "PamEdgeCore"),
    .target(name: "PamEdge", dependencies: ["PamEdgeCore"]),
  ]
)

// A bundle for an app holds no tests.
if FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/Tests") {
  package.targets += [
    .testTarget(name: "PamEdgeCoreTests", dependencies: ["PamEdgeCore"])
  ]
  #if os(Linux)
    // Apple's frameworks are not here: what calls them is compiled, and tried, against stubs of what it calls.
    let stubs = ["CoreAI", "CoreGraphics", "CoreVideo", "CoreML", "ImageIO", "Vision", "SwiftUI", "UIKit", "PhotosUI"]
    let needs = [
      "CoreVideo": ["CoreGraphics"], "CoreML": ["CoreVideo"], "ImageIO": ["CoreGraphics"],
      "Vision": ["CoreGraphics", "CoreVideo", "ImageIO"], "SwiftUI": ["CoreGraphics", "UIKit"], "UIKit": ["CoreGraphics"],
      "PhotosUI": ["SwiftUI"],
    ]
    package.targets += stubs.map { name in
      .target(
        name: name, dependencies: (needs[name] ?? []).map { .target(name: $0) }, path: "Tests/Stubs/\(name)",
        swiftSettings: [.swiftLanguageMode(.v5)])
    }
    for target in package.targets where target.name == "PamEdge" {
      target.dependencies += ["CoreAI", "CoreGraphics", "CoreVideo", "CoreML", "ImageIO", "Vision", "UIKit"]
        .map { .target(name: $0) }
    }
    package.targets += [
      .testTarget(
        name: "PamEdgeTests", dependencies: ["PamEdge", "CoreAI", "CoreGraphics", "CoreVideo", "CoreML", "Vision", "UIKit"]),
      .target(name: "Sample", dependencies: ["PamEdge", "SwiftUI", "PhotosUI", "UIKit", "Vision"], path: "Sample"),
    ]
  #endif
}
