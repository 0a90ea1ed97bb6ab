import Foundation

/// Reads and checks the records of a manifest; keys that nobody knows are refused, as the writer refuses them.
enum ManifestReader {
  private static let costs = 0.0...1e12
  private static let largestSide = 8192
  private static let mostBlocks = 64
  private static let top: Set = [
    "schema_version", "checkpoint", "target", "mode", "precision", "io", "profile", "selection", "needs", "accelerators",
    "quantisation", "entry_points", "command", "parity", "golden", "tool_versions",
  ]
  private static let entryKeys: Set = [
    "name", "height", "width", "ends", "inputs", "outputs", "budget", "path", "function", "budget_input",
    "predicted_cost", "cost_unit", "cost_provenance", "cost_interval", "gmacs", "objective", "file", "sha256", "bytes",
  ]

  static func read(_ value: JSONValue) throws -> Manifest {
    let file = try Fields(value, at: "", keys: top)
    guard try file.value("schema_version") == .int(Manifest.schemaVersion) else {
      throw file.refuse("schema_version", "\(Manifest.schemaVersion)")
    }
    let checkpoint = try Fields(
      file.value("checkpoint"), at: "checkpoint",
      keys: ["reference", "sha256", "variant", "architecture_hash", "trained", "summary"])
    let manifest = Manifest(
      variant: try name(checkpoint, "variant"),
      architectureHash: try hexadecimal(checkpoint, "architecture_hash", digits: 12),
      isTrained: try checkpoint.bool("trained"),
      target: try one(of: ["coreml", "tflite", "executorch", "coreai"], file, "target"),
      mode: try file.word("mode"),
      precision: try file.word("precision"),
      io: try file.word("io"),
      selection: try file.optional("selection") { try selection(file.value($0), $0) },
      entryPoints: try file.objects("entry_points", atLeast: 1, entryPoint),
      golden: try file.objects("golden", golden),
      unsuited: Set(try file.objects("accelerators", unsuited).compactMap { $0 }),
      isVerified: try verified(file.array("parity")))
    try check(manifest)
    return manifest
  }

  private static func check(_ manifest: Manifest) throws {
    let entries = manifest.entryPoints
    guard Set(entries.map(\.name)).count == entries.count else {
      throw Mismatch(message: "entry points are expected to differ in name")
    }
    guard (manifest.mode == .dynamic) == (manifest.selection != nil) else {
      throw Mismatch(message: "mode \(manifest.mode): dynamic graphs, and they alone, state how they select their path")
    }
    for entry in entries {
      let isDynamic = manifest.selection != nil
      guard (entry.path == nil) == isDynamic, (entry.budgetInput != nil) == isDynamic else {
        throw Mismatch(message: "\(entry.name): a dynamic graph's budget or a fixed path is expected, and not both")
      }
      if let unit = manifest.selection?.unit, entry.costUnit != unit {
        throw Mismatch(message: "\(entry.name): costs in \(unit) are expected, the unit of the graph's")
      }
      if let path = entry.path, path.count != manifest.blockCount {
        throw Mismatch(message: "paths are expected to be of one length")
      }
    }
    if manifest.mode != .multi, manifest.sizes.count > 1 {
      throw Mismatch(message: "mode \(manifest.mode): one size is expected; got \(manifest.sizes.count)")
    }
    guard Set(entries.map(\.file)).count == (manifest.mode == .static ? entries.count : 1) else {
      throw Mismatch(
        message: "mode \(manifest.mode): a file for each entry point is expected if static, else one for all")
    }
  }

  /// Returns an accelerator's name if the file does not suit it.
  private static func unsuited(_ value: JSONValue, _ place: String) throws -> String? {
    let fields = try Fields(value, at: place, keys: ["accelerator", "suits", "why"])
    return try fields.bool("suits") ? nil : fields.string("accelerator")
  }

  /// What is not run is not passed.
  private static func verified(_ records: [JSONValue]) throws -> Bool {
    let passed = try records.map { record -> JSONValue? in
      guard case .object(let fields) = record else { throw Mismatch(message: "parity: a list of objects is expected") }
      return fields["passed"]
    }
    return !passed.isEmpty && passed.allSatisfy { $0 == .bool(true) }
  }

  private static func entryPoint(_ value: JSONValue, _ place: String) throws -> Manifest.EntryPoint {
    let fields = try Fields(value, at: place, keys: entryKeys)
    let entry = Manifest.EntryPoint(
      name: try name(fields, "name"), size: try size(fields),
      ends: try fields.optional("ends") { try ends(fields.value($0), fields.name($0)) }
        ?? Manifest.Ends(source: .trimap, result: .alpha, bandPx: 0, maskHeight: nil, maskWidth: nil),
      inputs: try fields.objects("inputs", atLeast: 2, tensor),
      outputs: try fields.objects("outputs", atLeast: 1, tensor),
      budget: try fields.string("budget"), path: try fields.optional("path") { try path(fields, $0) },
      function: try name(fields, "function"),
      budgetInput: try fields.optional("budget_input") { try fields.double($0, in: costs) },
      predictedCost: try fields.double("predicted_cost", in: costs),
      costUnit: try one(of: ["GMAC", "ms"], fields, "cost_unit"),
      costProvenance: try one(of: ["counted", "estimated", "imported", "measured"], fields, "cost_provenance"),
      file: try relativePath(fields, "file"), sha256: try hexadecimal(fields, "sha256", digits: 64))
    _ = try (fields.value("path"), fields.value("budget_input"))
    try checkShapes(entry)
    return entry
  }

  private static func checkShapes(_ entry: Manifest.EntryPoint) throws {
    let mask = [entry.ends.maskHeight ?? entry.size.height, entry.ends.maskWidth ?? entry.size.width]
    for tensor in entry.inputs + entry.outputs {
      let expected: [Int]
      switch tensor.name {
      case "image", "trimap", "previous", "alpha", "foreground": expected = [entry.size.height, entry.size.width]
      case "mask": expected = mask
      default: continue
      }
      guard zip(tensor.shape, tensor.shape.dropFirst()).contains(where: { [$0, $1] == expected }) else {
        throw Mismatch(
          message: "\(entry.name): \(tensor.name) is expected to be \(expected[0])x\(expected[1]); got \(tensor.shape)")
      }
    }
  }

  private static func ends(_ value: JSONValue, _ place: String) throws -> Manifest.Ends {
    let fields = try Fields(value, at: place, keys: ["source", "result", "band_px", "mask_height", "mask_width"])
    return Manifest.Ends(
      source: try fields.has("source") ? fields.word("source") : .trimap,
      result: try fields.has("result") ? fields.word("result") : .alpha,
      bandPx: try fields.optional("band_px") { try fields.int($0, in: 0...largestSide) } ?? 0,
      maskHeight: try fields.optional("mask_height") { try fields.int($0, in: 1...largestSide) },
      maskWidth: try fields.optional("mask_width") { try fields.int($0, in: 1...largestSide) })
  }

  private static func tensor(_ value: JSONValue, _ place: String) throws -> Manifest.Tensor {
    let fields = try Fields(value, at: place, keys: ["name", "type", "shape", "layout", "meaning"])
    let shape = try fields.array("shape").map { side -> Int in
      guard case .int(let found) = side else { throw fields.refuse("shape", "a list of whole numbers") }
      return found
    }
    return Manifest.Tensor(
      name: try fields.string("name"), type: try fields.string("type"), shape: shape,
      layout: try fields.string("layout"))
  }

  private static func selection(_ value: JSONValue, _ place: String) throws -> Manifest.Selection {
    let fields = try Fields(value, at: place, keys: ["unit", "fixed", "run", "bypass", "margin", "thresholds"])
    let run = try fields.doubles("run", in: costs, atLeast: 1)
    let bypass = try fields.doubles("bypass", in: costs, atLeast: 1)
    _ = try fields.doubles("thresholds", in: costs, atLeast: 1)
    guard run.count == bypass.count, run.count <= mostBlocks else {
      throw fields.refuse("bypass", "one cost for each of \(run.count) blocks, \(mostBlocks) at most,")
    }
    return Manifest.Selection(
      unit: try one(of: ["GMAC", "ms"], fields, "unit"), fixed: try fields.double("fixed", in: costs), run: run,
      bypass: bypass, margin: try fields.optional("margin") { try fields.double($0, in: costs) } ?? 0)
  }

  private static func golden(_ value: JSONValue, _ place: String) throws -> Manifest.Golden {
    let fields = try Fields(
      value, at: place,
      keys: [
        "picture", "height", "width", "image", "trimap", "mask", "previous", "previous_path", "alphas", "foregrounds",
        "paths",
      ])
    return Manifest.Golden(
      picture: try fields.string("picture"), size: try size(fields),
      image: try relativePath(fields, "image"), trimap: try relativePath(fields, "trimap"),
      mask: try fields.optional("mask") { try relativePath(fields, $0) },
      previous: try fields.optional("previous") { try relativePath(fields, $0) },
      previousPath: try fields.optional("previous_path") { try path(fields, $0) },
      alphas: try relativePaths(fields, "alphas"),
      foregrounds: try fields.optional("foregrounds") { try relativePaths(fields, $0) } ?? [:],
      paths: try fields.optional("paths") { try goldenPaths(fields.value($0), fields.name($0)) } ?? [:])
  }

  private static func goldenPaths(_ value: JSONValue, _ place: String) throws -> [String: Manifest.Golden.Path] {
    guard case .object(let found) = value else { throw Mismatch(message: "\(place): an object is expected") }
    return try Dictionary(
      uniqueKeysWithValues: found.map { entry, value in
        let fields = try Fields(value, at: "\(place).\(entry)", keys: ["file", "margins"])
        let margins = try fields.array("margins").map { margin -> Double? in
          if margin == .null { return nil }
          guard let number = Fields.number(margin) else { throw fields.refuse("margins", "a list of numbers and null") }
          return number
        }
        return (entry, Manifest.Golden.Path(file: try relativePath(fields, "file"), margins: margins))
      })
  }

  private static func size(_ fields: Fields) throws -> Size {
    func side(_ key: String) throws -> Int {
      let found = try fields.int(key, in: 1...largestSide)
      guard found % 32 == 0 else { throw fields.refuse(key, "a multiple of 32") }
      return found
    }
    return Size(height: try side("height"), width: try side("width"))
  }

  /// Names become names of files: nothing in them leads out of a folder.
  private static func name(_ fields: Fields, _ key: String) throws -> String {
    let found = try fields.string(key)
    guard found.range(of: "^[a-z0-9][a-z0-9_-]{0,79}\\z", options: .regularExpression) != nil else {
      throw fields.refuse(key, "a name of small letters, digits, - and _")
    }
    return found
  }

  private static func path(_ fields: Fields, _ key: String) throws -> String {
    let found = try fields.string(key)
    guard (1...mostBlocks).contains(found.utf8.count), found.allSatisfy({ $0 == "0" || $0 == "1" }) else {
      throw fields.refuse(key, "one 0 or 1 for each block, \(mostBlocks) at most,")
    }
    return found
  }

  private static func hexadecimal(_ fields: Fields, _ key: String, digits: Int) throws -> String {
    let found = try fields.string(key)
    guard found.range(of: "^[0-9a-f]{\(digits)}\\z", options: .regularExpression) != nil else {
      throw fields.refuse(key, "\(digits) hexadecimal digits")
    }
    return found
  }

  private static func one(of words: [String], _ fields: Fields, _ key: String) throws -> String {
    let found = try fields.string(key)
    guard words.contains(found) else { throw fields.refuse(key, "one of \(words.joined(separator: ", "))") }
    return found
  }

  private static func relativePath(_ fields: Fields, _ key: String) throws -> String {
    try relative(try fields.string(key), fields.name(key))
  }

  private static func relativePaths(_ fields: Fields, _ key: String) throws -> [String: String] {
    try fields.strings(key).mapValues { try relative($0, fields.name(key)) }
  }

  /// A path below the bundle: parts joined by `/`, none of them leading elsewhere.
  private static func relative(_ text: String, _ place: String) throws -> String {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = text.unicodeScalars.allSatisfy { $0 != "\\" && $0 != ":" && !CharacterSet.controlCharacters.contains($0) }
    guard text.count <= 240, isPlain, parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
      throw Mismatch(message: "\(place): a path inside the folder, such as golden/one.png, is expected")
    }
    return text
  }
}
