import Foundation

/// What self-tests said on this device, remembered from one launch of the app to the next.
public struct Verdicts: Sendable {
  /// What is remembered of one model on one device, system and runtime.
  struct Remembered: Codable, Equatable {
    let verdict: Ladder.Verdict
    let reports: [SelfTest.Report]
  }

  private let file: URL

  /// - Parameter file: that the app may write, such as in its caches folder; it need not be there.
  public init(file: URL) {
    self.file = file
  }

  /// A file that cannot be read remembers nothing: the test is run again.
  func recall(_ key: String) -> Remembered? { all()[key] }

  /// Remembers a verdict; where the file cannot be written, the next launch tests again.
  func remember(_ remembered: Remembered, _ key: String) {
    var known = all()
    known[key] = remembered
    guard let data = try? JSONEncoder().encode(known) else { return }
    try? FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? data.write(to: file, options: .atomic)
  }

  private func all() -> [String: Remembered] {
    guard let data = try? Data(contentsOf: file) else { return [:] }
    return (try? JSONDecoder().decode([String: Remembered].self, from: data)) ?? [:]
  }
}
