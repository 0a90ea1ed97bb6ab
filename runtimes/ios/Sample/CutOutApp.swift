// A whole app in one file: pick a photograph, and its subject stands on another background.
//
// Make a new iOS app in Xcode, add this package and the folder `model` of your bundle (drag it in, "Create folder
// references", so that it stays a folder), and put this file in place of the app's own two.

import PamEdge
import PamEdgeCore
import PhotosUI
import SwiftUI
import UIKit

@main
struct CutOutApp: App {
  var body: some Scene {
    WindowGroup { CutOutView() }
  }
}

/// What the view shows, and what makes it.
@MainActor
final class Cutter: ObservableObject {
  @Published private(set) var picture: UIImage?
  @Published private(set) var line = "Pick a photograph."
  @Published private(set) var isBusy = false
  private let matter: Result<Matter, any Error>

  init() {
    let bundle = Bundle.main.bundleURL.appendingPathComponent("model")
    matter = Result { try Matter(bundle: bundle) }
  }

  /// Tests and loads the model while nobody waits for it.
  func prepare() async {
    await report {
      let found = try await self.matter.get().prepare()
      let stepped = found.steps.map { "\($0.unit): \($0.fault.rawValue)" }.joined(separator: ", ")
      return "Ready on \(found.unit.rawValue) in \(Int(found.loadMs + found.firstMs)) ms. \(stepped)"
    }
  }

  func cutOut(_ photo: Data, _ subject: Subject, deadlineMs: Double) async {
    await report {
      let found = try await self.matter.get().cutOut(photo: photo, subject, within: .deadline(ms: deadlineMs))
      self.picture = found.image.cgImage().map { UIImage(cgImage: $0) }
      let predicted = found.predictedMs.map { "\(Int($0)) ms predicted, " } ?? ""
      let blocks = found.paths.first.map { " Blocks \($0)." } ?? ""
      return "\(found.entryPoint) on \(found.unit.rawValue): \(predicted)\(Int(found.networkMs)) ms.\(blocks)"
    }
  }

  /// Shows what was done, or why it could not be.
  private func report(_ work: () async throws -> String) async {
    isBusy = true
    defer { isBusy = false }
    do {
      line = try await work()
    } catch {
      line = error.localizedDescription
    }
  }
}

struct CutOutView: View {
  @StateObject private var cutter = Cutter()
  @State private var item: PhotosPickerItem?
  @State private var isPerson = true
  @State private var deadlineMs = 30.0

  var body: some View {
    VStack(spacing: 16) {
      if let picture = cutter.picture {
        Image(uiImage: picture).resizable().scaledToFit().background(Color.teal)
          .accessibilityLabel("The cut-out on another background")
      }
      if cutter.isBusy { ProgressView() }
      Text(cutter.line)
      Toggle("A person", isOn: $isPerson)
      Slider(value: $deadlineMs, in: 5...100) { Text("Milliseconds for the network") }
      PhotosPicker("Pick a photograph", selection: $item, matching: .images)
    }
    .padding()
    .task { await cutter.prepare() }
    .task(id: item) {
      guard let data = try? await item?.loadTransferable(type: Data.self) else { return }
      await cutter.cutOut(data, isPerson ? .person : .foreground, deadlineMs: deadlineMs)
    }
  }
}
