import Foundation

/// Where the subject is.
public enum Region: Sendable {
  /// 0 background to 255 foreground, hard or soft, of the picture's size.
  case mask(Greys)
  /// 0 background, 128 unknown, 255 foreground, of the picture's size.
  case trimap(Greys)
}

/// What a cut-out may take.
public enum Limit: Equatable, Sendable {
  /// Milliseconds that the network may take for the picture, all its tiles together; the controller picks one of the bundle's
  /// budgets.
  case deadline(ms: Double)
  /// One of the bundle's budgets or entry points, such as `mild`.
  case named(String)
  /// At most this much of the manifest's cost unit for each call of the network. A dynamic graph keeps it itself, and takes
  /// one below its shortest path's for that; of fixed paths the dearest within it runs, and one below the cheapest is refused.
  case budget(Double)
  /// The artifact's dearest entry point, whatever it takes.
  case best
}

/// A picture with its background taken away, and what that took.
public struct CutOut: Sendable {
  /// Straight colours and alpha, upright, of the picture's size.
  public let image: RGBAImage
  public let alpha: Alpha
  public let entryPoint: String
  /// That was asked for.
  public let unit: ComputeUnit
  /// For each call of the network, one 0 or 1 for each block.
  public let paths: [String]
  /// For all calls of the network; nil where nothing was timed yet.
  public let predictedMs: Double?
  /// Likewise, wall clock.
  public let networkMs: Double
  /// Everything, wall clock: also bands, tiles and colours.
  public let totalMs: Double
  /// Why another unit than the preferred one was used; nil if it was not.
  public let note: String?
}

/// What `prepare()` took and found.
public struct Preparation: Sendable {
  /// Of loading the model on the unit that is used; the self-test is not in it.
  public let loadMs: Double
  /// Of the first inference after that: users meet it.
  public let firstMs: Double
  /// Of the self-test; nil if an earlier verdict was remembered.
  public let selfTestMs: Double?
  public let unit: ComputeUnit
  /// Units that were stepped over, and why.
  public let steps: [Ladder.Step]
  /// What the self-test found on each unit.
  public let reports: [SelfTest.Report]
}

/// Cuts subjects out of pictures with one bundle: what an app sees of all this.
///
/// Calls may overlap; the runtime then takes their turns one after the other.
public actor Matter {
  public nonisolated let artifact: Artifact
  private let maker: any EngineMaker
  private let device: Device
  private let verdicts: Verdicts
  private let conditions: @Sendable () -> Conditions
  private let clock: MillisecondClock
  private var controllers: [Size: Controller] = [:]
  private var engines: [String: any Engine] = [:]
  private var prepared: Preparation?
  private var preparing: Task<Preparation, any Error>?

  /// Takes a bundle to a runtime.
  ///
  /// - Parameters:
  ///   - artifact: the bundle, whose model files' hashes were checked.
  ///   - maker: of the platform's runtime.
  ///   - device: that this is.
  ///   - verdicts: of earlier launches.
  ///   - conditions: of the device, asked at every call.
  /// - Throws: ``PamEdgeError`` of kind damaged or unsuited.
  public init(
    artifact: Artifact, maker: any EngineMaker, device: Device, verdicts: Verdicts,
    conditions: @escaping @Sendable () -> Conditions
  ) throws {
    try self.init(
      artifact: artifact, maker: maker, device: device, verdicts: verdicts, conditions: conditions, clock: Wall.clock)
  }

  init(
    artifact: Artifact, maker: any EngineMaker, device: Device, verdicts: Verdicts,
    conditions: @escaping @Sendable () -> Conditions, clock: @escaping MillisecondClock
  ) throws {
    guard artifact.manifest.target == maker.target else {
      throw PamEdgeError(
        .unsuited, "Expected a bundle for \(maker.target); this one is for \(artifact.manifest.target). Package for this "
          + "platform.")
    }
    guard artifact.manifest.entryPoints.allSatisfy({ $0.predictedCost > 0 }) else {
      throw PamEdgeError(.damaged, "Expected costs above zero in the manifest. Package the bundle again.")
    }
    self.artifact = artifact
    self.maker = maker
    self.device = device
    self.verdicts = verdicts
    self.conditions = conditions
    self.clock = clock
  }

  /// Tests the device if it was not tested before, loads the model and runs it once.
  ///
  /// Call it before the first picture, away from the moment in which a user waits. What `cutOut` needs and this did not
  /// do, `cutOut` does.
  ///
  /// - Throws: ``PamEdgeError``; of kind wrong if no compute unit gives what the golden vectors expect.
  @discardableResult
  public func prepare() async throws -> Preparation {
    if let prepared { return prepared }
    let running = preparing ?? Task { try await prepareNow() }
    preparing = running
    defer { preparing = nil }
    return try await running.value
  }

  private func prepareNow() async throws -> Preparation {
    let started = clock()
    let (remembered, isNew) = try await verdict()
    let selfTestMs = isNew ? clock() - started : nil
    guard let unit = remembered.verdict.unit.flatMap(ComputeUnit.init(rawValue:)) else { throw Self.nothingRight(remembered) }
    let loading = clock()
    for entry in artifact.manifest.entryPoints { _ = try await engine(entry, unit) }
    let loadMs = clock() - loading
    let entry = artifact.manifest.entryPoints[0]
    let inputs = try artifact.golden(of: entry)[0].inputs
    let first = clock()
    _ = try await engine(entry, unit).run(inputs, entry)
    let preparation = Preparation(
      loadMs: loadMs, firstMs: clock() - first, selfTestMs: selfTestMs, unit: unit, steps: remembered.verdict.steps,
      reports: remembered.reports)
    for size in artifact.manifest.sizes { controllers[size] = controller(size, unit, remembered) }
    prepared = preparation
    return preparation
  }

  /// Cuts the subject out of a picture of any size.
  ///
  /// - Parameters:
  ///   - image: RGB, upright.
  ///   - region: where the subject is; a mask or trimap of the picture's size.
  ///   - limit: what it may take.
  /// - Throws: ``PamEdgeError`` of kind usage if sizes differ or the picture is empty or too large; of kind wrong as
  ///   `prepare`; of kind runtime if the model cannot run at all; `CancellationError`.
  public func cutOut(_ image: RGBImage, _ region: Region, within limit: Limit = .best) async throws -> CutOut {
    let started = clock()
    try Self.check(image, region)
    try await prepare()
    let trimap = try Self.trimap(region)
    guard let size = Tiling.chooseSize(artifact.manifest.sizes, height: image.height, width: image.width) else {
      throw PamEdgeError(.damaged, "Expected an entry point in the bundle; it has none. Package it again.")
    }
    let calls = max(1, Tiling.tileCount(size, trimap: trimap))
    let plan = try plan(size, limit, calls: calls)
    var (unit, note) = (plan.unit, plan.unit == prepared?.unit ? nil : "the app is not in front: \(plan.unit.rawValue)")
    var run: Run
    do {
      run = try await matte(image, trimap, plan, on: unit)
    } catch let error as PamEdgeError where error.kind == .runtime && unit != .cpu && isRight(.cpu) {
      // iOS ends GPU work of apps that leave the front: the CPU may go on.
      (unit, note) = (.cpu, "\(plan.unit.rawValue) failed: \(error.message)")
      run = try await matte(image, trimap, plan, on: .cpu)
    }
    let networkMs = run.times.reduce(0, +)
    if let choice = plan.choice, unit == plan.unit, !run.times.isEmpty {
      controllers[size]?.record(choice, measuredMs: networkMs / Double(run.times.count))
    }
    let image = Self.image(image, run)
    return CutOut(
      image: image, alpha: run.alpha, entryPoint: plan.entry.name, unit: unit, paths: run.paths,
      predictedMs: plan.expectedMs.map { $0 * Double(run.times.count) }, networkMs: networkMs, totalMs: clock() - started,
      note: note)
  }

  /// Runs the golden vectors on the unit in use, and writes what it computes: `pam-edge verify --device-outputs` reads it.
  ///
  /// - Throws: ``PamEdgeError`` as `prepare`; what writing throws.
  public func writeDeviceOutputs(to folder: URL) async throws {
    let unit = try await prepare().unit
    for entry in artifact.manifest.entryPoints {
      for vector in try artifact.golden(of: entry) {
        let found = try await engine(entry, unit).run(vector.inputs, entry)
        let files = DeviceOutputs.files(
          entryPoint: entry.name, picture: vector.picture, alpha: found.alpha.values, foreground: found.foreground,
          path: found.path)
        try DeviceOutputs.write(files, to: folder)
      }
    }
  }

  // MARK: - Which unit

  private func verdict() async throws -> (Verdicts.Remembered, isNew: Bool) {
    let key = Ladder.verdictKey(
      device: device.model, system: device.system, runtime: maker.runtime, modelSHA256: artifact.modelSHA256)
    if let known = verdicts.recall(key) { return (known, false) }
    let isInFront = !conditions().background
    let test = SelfTest(artifact: artifact, maker: maker, clock: clock)
    var reports: [SelfTest.Report] = []
    for unit in maker.units where !artifact.manifest.unsuited.contains(unit.accelerator) {
      reports.append(try await test.run(on: unit))
    }
    let found = Verdicts.Remembered(verdict: Ladder.decide(reports.map(\.trial)), reports: reports)
    // Away from the front a unit may fail that works there: such a verdict holds for this launch alone.
    if found.verdict.unit != nil, isInFront, !conditions().background { verdicts.remember(found, key) }
    return (found, true)
  }

  private static func nothingRight(_ found: Verdicts.Remembered) -> PamEdgeError {
    let reasons = found.reports.map { report in
      let judged = report.judgements.first { !$0.isRight }?.reason
      return "\(report.trial.unit): \(report.trial.error ?? judged ?? "slower than the CPU")"
    }
    return PamEdgeError(
      .wrong, "Expected a compute unit that gives what the golden vectors say; found none (\(reasons.joined(separator: "; "))"
        + "). Nothing is cut out: send these lines to whoever made the bundle.")
  }

  private func isRight(_ unit: ComputeUnit) -> Bool {
    prepared?.reports.contains { $0.trial.unit == unit.rawValue && $0.trial.isRight == true } ?? false
  }

  private func engine(_ entry: Manifest.EntryPoint, _ unit: ComputeUnit) async throws -> any Engine {
    let key = "\(unit.rawValue)/\(entry.file)/\(entry.function)"
    if let known = engines[key] { return known }
    let loaded = try await maker.load(entry, artifact.manifest, file: artifact.file(of: entry), unit: unit)
    engines[key] = loaded
    return loaded
  }

  // MARK: - Which level

  private struct Plan {
    let entry: Manifest.EntryPoint
    let unit: ComputeUnit
    let budget: Float?
    let choice: Controller.Choice?
    let expectedMs: Double?
  }

  /// Entry points of a size, the cheapest first.
  private func levels(_ size: Size) -> [Manifest.EntryPoint] {
    artifact.entries(of: size).sorted { $0.predictedCost < $1.predictedCost }
  }

  private func controller(_ size: Size, _ unit: ComputeUnit, _ remembered: Verdicts.Remembered) -> Controller {
    let right = remembered.reports.filter { $0.trial.isRight == true }
    let units = right.compactMap { report -> Controller.Unit? in
      guard let each = ComputeUnit(rawValue: report.trial.unit), each == unit || each.isAllowedInBackground else { return nil }
      return Controller.Unit(name: each.rawValue, inBackground: each.isAllowedInBackground, pace: report.pace)
    }
    return Controller(costs: levels(size).map(\.predictedCost), units: units)  // tested in order of preference
  }

  private func plan(_ size: Size, _ limit: Limit, calls: Int) throws -> Plan {
    let levels = levels(size), now = conditions()
    guard var controller = controllers[size] else { preconditionFailure("prepare() made a controller for each size") }
    guard let unit = controller.allowedUnit(now).flatMap(ComputeUnit.init(rawValue:)) else {
      throw PamEdgeError(
        .runtime, "No compute unit that gives right results is allowed while the app is in the background. Try again "
          + "when it is in front.")
    }
    var (level, budget): (Int, Float?) = (levels.count - 1, nil)
    var choice: Controller.Choice?
    switch limit {
    case .best: break
    case .named(let name):
      guard let named = levels.firstIndex(where: { $0.budget == name || $0.name == name }) else { throw Self.unknown(limit, levels) }
      level = named
    case .budget(let most):
      budget = artifact.manifest.selection?.input(of: most)
      let within = levels.lastIndex { $0.predictedCost <= most } ?? (budget == nil ? nil : 0)
      guard let within, most > 0 else { throw Self.unknown(limit, levels) }
      level = within
    case .deadline(let ms):
      guard ms > 0 else { throw PamEdgeError(.usage, "Expected a deadline above 0 ms; got \(ms). Give milliseconds.") }
      let chosen = controller.choose(deadlineMs: ms / Double(calls), conditions: now)
      controllers[size] = controller
      (level, choice) = (chosen.level, chosen)
    }
    let entry = levels[level]
    return Plan(
      entry: entry, unit: unit, budget: budget ?? entry.budgetInput.map { Float($0) }, choice: choice,
      expectedMs: controller.pace(of: unit.rawValue).map { $0 * entry.predictedCost })
  }

  private static func unknown(_ limit: Limit, _ levels: [Manifest.EntryPoint]) -> PamEdgeError {
    let known = levels.map { "\($0.budget): \($0.predictedCost) \($0.costUnit)" }.joined(separator: ", ")
    return PamEdgeError(
      .usage, "Expected one of the bundle's budgets (\(known)), or a cost within which one is; got \(limit). Convert with it as well.")
  }

  // MARK: - One picture

  /// What the network gave for a picture.
  private struct Run {
    var alpha: Alpha
    /// Of a graph that gives colours, where one call showed the whole picture.
    var foreground: [Float]?
    var paths: [String] = []
    var times: [Double] = []
  }

  private func matte(_ image: RGBImage, _ trimap: Greys, _ plan: Plan, on unit: ComputeUnit) async throws -> Run {
    let engine = try await engine(plan.entry, unit)
    let log = CallLog()
    let (entry, budget, blocks, clock) = (plan.entry, plan.budget, artifact.manifest.blockCount, clock)
    let tiling = Tiling(height: entry.size.height, width: entry.size.width) { image, trimap in
      let inputs = Inputs(tile: image, trimap, entry, budget: budget, blocks: blocks)
      let started = clock()
      let found = try await engine.run(inputs, entry)
      await log.add(found, clock() - started, entry.path)
      return found.alpha
    }
    let alpha = try await tiling.matte(image, trimap: trimap)
    let isWhole = image.height <= entry.size.height && image.width <= entry.size.width
    let foreground = isWhole ? await log.foreground : nil
    return Run(
      alpha: alpha, foreground: foreground.map { Self.crop($0, entry.size, image) }, paths: await log.paths,
      times: await log.times)
  }

  private static func crop(_ foreground: [Float], _ size: Size, _ image: RGBImage) -> [Float] {
    (0..<image.height).flatMap { y in foreground[3 * y * size.width..<3 * (y * size.width + image.width)] }
  }

  private static func image(_ image: RGBImage, _ run: Run) -> RGBAImage {
    guard let foreground = run.foreground else { return Foreground.cutOut(image, alpha: run.alpha) }
    return Foreground.cutOut(foreground: foreground, alpha: run.alpha)
  }

  private static func trimap(_ region: Region) throws -> Greys {
    switch region {
    case .mask(let mask): try Bands.trimap(fromMask: mask)
    case .trimap(let trimap): Bands.cleanTrimap(trimap)
    }
  }

  private static func check(_ image: RGBImage, _ region: Region) throws {
    let greys = switch region { case .mask(let greys), .trimap(let greys): greys }
    guard image.height > 0, image.width > 0, image.height * image.width <= Pixels.mostPixels else {
      throw PamEdgeError(
        .usage, "Expected a picture of 1 to \(Pixels.mostPixels) pixels; got \(image.height)x\(image.width). Give "
          + "another, or a smaller version of it.")
    }
    guard (greys.height, greys.width) == (image.height, image.width) else {
      throw PamEdgeError(
        .usage, "Expected a mask or trimap of the picture's size, \(image.height)x\(image.width); got "
          + "\(greys.height)x\(greys.width). Scale it to the picture, which is upright.")
    }
  }
}

/// Calls of the network for one picture.
private actor CallLog {
  private(set) var paths: [String] = []
  private(set) var times: [Double] = []
  private(set) var foreground: [Float]?

  func add(_ found: Outputs, _ ms: Double, _ fixed: String?) {
    times.append(ms)
    paths.append(fixed ?? found.path.flatMap(Paths.text) ?? "")
    foreground = found.foreground
  }
}

extension Inputs {
  /// What an entry point takes for a tile, given its trimap: that itself, or the mask whose band it is; and of a live
  /// graph no last frame, for pictures have none.
  init(tile image: RGBImage, _ trimap: Greys, _ entry: Manifest.EntryPoint, budget: Float?, blocks: Int) {
    let ends = entry.ends
    let region =
      ends.source.isMask
      ? Bands.mask(fromTrimap: trimap, bandPx: ends.bandPx, height: ends.maskHeight, width: ends.maskWidth) : trimap
    let previous = Alpha(height: image.height, width: image.width, repeating: GoldenVector.noPrevious)
    let previousPath = [Float](repeating: GoldenVector.noPreviousBlock, count: blocks)
    self.init(
      image: image, region: region, budget: budget, previous: ends.source.isLive ? previous : nil,
      previousPath: ends.source.isLive && entry.path == nil ? previousPath : nil)
  }
}
