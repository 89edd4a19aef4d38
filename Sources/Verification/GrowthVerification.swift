// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Interpretation
import LinearAlgebra
import Tensors
import Text
import Training

/// How much of the measuring is done in float64, whose plain loops take long on large models.
public enum ExactScope: String, Sendable, Hashable, CaseIterable, Codable {
  /// Everything.
  case all
  /// Logits and loss of the first batch.
  case logits
  /// Nothing.
  case none
}

/// Measures every guarantee of a growth.
///
///     let report = try GrowthVerification(
///       small: ModelState(state), grown: ModelState(larger), path: path
///     ).report(engine: CPUTrainingEngine())
///     print(report.isSound)
public struct GrowthVerification: Sendable {
  /// The model before the growth.
  public var small: ModelState
  /// The model after it.
  public var grown: ModelState
  /// The growths; nil where another tool made the model, so that only what needs no plan is measured.
  public var path: GrowthPath?
  /// What the growth declares; nil where nobody knows.
  public var declared: Guarantees?
  /// The batches of all measurements but the dead parameters'; n of them show n − 1 steps.
  public var batches: [TokenBatch]
  /// The batches of the float64 measurements, where they are fewer or smaller.
  public var exactBatches: [TokenBatch]
  /// One batch for each of the steps that look for dead parameters; they may hold tokens and positions
  /// that only the grown model knows.
  public var liveBatches: [TokenBatch]
  /// How the measurements train.
  public var training: MeasuredTraining
  /// Steps after which the copies' distances are measured.
  public var symmetrySteps: Int
  /// How much is measured in float64.
  public var exactScope: ExactScope
  /// What the type of the grown file's numbers lets the growth keep; nil for float32 and finer.
  public var rounding: FileRounding?

  /// A verification on seeded random tokens: 11 batches of 2 sequences, at most 32 tokens long.
  ///
  /// - Parameter declared: what the growth declares; by default what its growths do.
  public init(
    small: ModelState, grown: ModelState, path: GrowthPath?,
    declared: Guarantees? = nil,
    training: MeasuredTraining = MeasuredTraining(), seed: UInt64 = 0
  ) {
    self.small = small
    self.grown = grown
    self.path = path
    self.declared =
      declared
      ?? path?.guarantees(hasMoments: small.hasMoments, under: training.optimizer)
    batches = TokenBatch.random(
      count: 11, for: small.configuration, sequences: 2, length: 32, seed: seed)
    exactBatches = batches
    // The same tokens twice: what one step gives to a token's vector, the next one reads.
    liveBatches = Array(
      repeating: TokenBatch.random(
        count: 1, for: grown.configuration, sequences: 2, length: 32, seed: seed &+ 1)[0], count: 2)
    self.training = training
    symmetrySteps = 10
    exactScope = .all
  }

  /// Measures and judges.
  ///
  /// - Parameters:
  ///   - engine: what computes in float32.
  ///   - progress: called before every part and step; what it throws ends the measuring.
  /// - Throws: ``VerificationError``; the errors of Architectures and of the engine.
  public func report(
    engine: any TrainingEngine, progress: (VerificationProgress) throws -> Void = { _ in }
  ) throws -> VerificationReport {
    try check()
    return try withoutActuallyEscaping(progress) { progress in
      let obstacle = try obstacle(to: engine)
      let counter = ProgressCounter(
        total: workCount(trains: obstacle == nil), report: progress)
      var numbers = GrowthMeasurer.Numbers()
      if obstacle == nil { numbers = try measureFloat32(engine, counter) }
      let result = try measureStreams(engine, counter, &numbers)
      let exact = try measureFloat64(counter, threads: engine.threadCount)
      if obstacle != nil {
        numbers.copyDistances = exact.copyDistances
        numbers.deadParameters = exact.deadParameters
      }
      try addFileChecks(&numbers)
      let roundings = try measureRounding(
        beside: numbers, exact: exact, model: result.rounding, on: engine, trains: obstacle == nil)
      var report = judge(numbers, exact: exact, roundings, obstacle: obstacle)
      report.streams = result.streams?.worstFirst
      report.losses = result.losses
      return report
    }
  }

  private func check() throws {
    try path?.check(from: small.configuration, to: grown.configuration)
    for (batches, name) in [(batches, "batches"), (exactBatches, "exactBatches")] {
      try VerificationError.check(
        batches.count > 1, .invalidBatch, subject: name,
        "\(batches.count) show no step; expected two or more")
    }
  }

  private func measureFloat32(
    _ engine: any TrainingEngine, _ counter: ProgressCounter
  ) throws -> GrowthMeasurer.Numbers {
    var numbers = try measurer(
      small: try EngineModel(small, on: engine), grown: try EngineModel(grown, on: engine),
      batches, scope: .all
    ) { try counter.begin("float32: \($0)") }.measure()
    // Only float64's are compared with.
    numbers.smallGradients = nil
    return numbers
  }

  /// What the engine cannot compute of the models on the batches; nil for nothing.
  private func obstacle(to engine: any TrainingEngine) throws -> String? {
    let length = (batches + liveBatches).map(\.sequenceLength).max() ?? 0
    for model in [small, grown] {
      let obstacle = engine.obstacle(in: try model.program(), sequenceLength: length)
      if let obstacle { return obstacle }
    }
    return nil
  }

  /// Compares the residual streams and, where no engine did, logits and losses.
  private func measureStreams(
    _ engine: any TrainingEngine, _ counter: ProgressCounter,
    _ numbers: inout GrowthMeasurer.Numbers
  ) throws -> LockStep.Result {
    try counter.begin("float32: streams")
    let threads = engine.threadCount
    let smallModel = try LayerwiseModel(small)
    // The small model's own rounding is what float32 cannot go below.
    let exact =
      exactScope == .none
      ? nil
      : LockStep.Exact(
        small: StoredParameters(small, of: smallModel.program), batch: exactBatches[0])
    let result = try LockStep(
      small: smallModel, grown: LayerwiseModel(grown), exact: exact, path: path,
      batch: batches[0], arithmetic: MatrixArithmetic(threads: threads)
    ) { _, _, _ in }.measure()
    numbers.add(result)
    return result
  }

  private func measureFloat64(
    _ counter: ProgressCounter, threads: Int?
  ) throws -> GrowthMeasurer.Numbers {
    guard exactScope != .none else { return GrowthMeasurer.Numbers() }
    let (small, grown) = try exactModels(threads: threads)
    return try measurer(small: small, grown: grown, exactBatches, scope: exactScope) {
      try counter.begin("float64: \($0)")
    }.measure()
  }

  /// Both models in float64, the grown one made again where the growths are known.
  func exactModels(threads: Int?) throws -> (small: ExactModel, grown: ExactModel) {
    var exact = try ExactModel(small)
    var larger = try ExactModel(grown)
    if let path { larger = try ExactModel(growing: exact, by: path, given: larger) }
    (exact.threadCount, larger.threadCount) = (threads, threads)
    return (exact, larger)
  }

  private func measurer(
    small: any MeasuredModel, grown: any MeasuredModel, _ batches: [TokenBatch],
    scope: ExactScope, _ progress: @escaping (String) throws -> Void
  ) -> GrowthMeasurer {
    GrowthMeasurer(
      small: small, grown: grown, path: path, batches: batches, liveBatches: liveBatches,
      training: training, symmetrySteps: symmetrySteps, scope: scope, progress: progress)
  }

  /// What is read off the files, without computing a model.
  private func addFileChecks(_ numbers: inout GrowthMeasurer.Numbers) throws {
    numbers.measurements[.firstStep] = try FirstStep.departure(
      of: grown, optimizer: training.optimizer)
    guard let path else { return }
    numbers.measurements[.moments] = try GradientMap.momentDifference(small, grown, path: path)
    numbers.measurements[.replay] = try replay(of: path)
  }

  /// How far the files are from what the growth makes: values, and slots where the grown model has some.
  private func replay(of path: GrowthPath) throws -> MeasuredNumber? {
    let (source, given) = (try ExactModel(small), try ExactModel(grown))
    let type = rounding?.type ?? .float32
    let specs = given.program.parameters
    var numbers = [
      ReplayedTensor.worst(
        given.values, against: try path.grown(values: source.values, for: type),
        specs: specs.map { ($0.name, $0.shape) }, type: type)
    ]
    for slot in StateSlot.all where grown.hasMoments && (source.has(slot) || given.has(slot)) {
      numbers.append(
        ReplayedTensor.worst(
          given.all(slot), against: try path.grown(slot, of: source.all(slot)),
          specs: specs.map { ("\(slot.label) of \($0.name)", $0.shape) }, type: .float32))
    }
    return .largest(numbers.compactMap { $0 })
  }

  private func judge(
    _ numbers: GrowthMeasurer.Numbers, exact: GrowthMeasurer.Numbers, _ roundings: Roundings,
    obstacle: String?
  ) -> VerificationReport {
    let arithmetic: MeasuredArithmetic? =
      exactScope == .none ? nil : path == nil ? .float64OfFiles : .float64
    let checks = VerificationCheck.allCases.map { check in
      VerificationReport.Check(
        check, isDeclared: declared.map { check.isDeclared(in: $0) },
        float32: numbers.measurements[check], float64: exact.measurements[check],
        float64Arithmetic: arithmetic, rounding: roundings.file, modelRounding: roundings.model,
        reason: reason(
          check, float32: numbers.measurements[check], float64: exact.measurements[check],
          obstacle: obstacle))
    }
    let steps = (batches.count - 1, symmetrySteps)
    let isExact = exactScope != .none
    var report = VerificationReport(
      operation: path?.operation,
      small: small.configuration, grown: grown.configuration,
      batches: VerificationReport.Batches(
        count: batches.count, sequenceCount: batches[0].sequenceCount,
        sequenceLength: batches[0].sequenceLength,
        exactSequenceCount: isExact ? exactBatches[0].sequenceCount : nil,
        exactSequenceLength: isExact ? exactBatches[0].sequenceLength : nil,
        trajectorySteps: steps.0, symmetrySteps: steps.1),
      float64Arithmetic: arithmetic, checks: checks, copyDistances: numbers.copyDistances,
      deadParameters: numbers.deadParameters)
    report.rounding = roundings.file
    report.smallRounding = roundings.model
    report.float32Limit = obstacle
    return report
  }

  /// Why a check has no number in float32, or in any arithmetic; nil where it has one.
  private func reason(
    _ check: VerificationCheck, float32: MeasuredNumber?, float64: MeasuredNumber?,
    obstacle: String?
  ) -> String? {
    if float32 != nil { return check == .closestCopies && exactScope != .all ? why(check) : nil }
    guard let obstacle, check.needsTraining else { return why(check) }
    if float64 != nil { return obstacle }
    let wasSought = exactScope == .all || path == nil && check.needsPlans
    return wasSought ? why(check) : "\(obstacle), and float64 measured \(exactScope.words)"
  }

  /// Why a check has no number whatever the arithmetic.
  private func why(_ check: VerificationCheck) -> String {
    switch check {
    case .gradients where path != nil: "no entry has a source"
    case .closestCopies where path != nil && exactScope != .all: "only float64 tells"
    case .copyDistance where path != nil, .closestCopies where path != nil:
      "no unit that trains has a copy"
    case .moments where path != nil: "the small model has no moments"
    case .firstStep: "every tensor has moments"
    default: "it is not known how the model was grown"
    }
  }
}

extension ExactScope {
  /// What is measured, for a sentence.
  fileprivate var words: String {
    switch self {
    case .all: "everything"
    case .logits: "logits and loss only"
    case .none: "nothing"
    }
  }
}

extension VerificationCheck {
  /// Whether models must be trained for it.
  fileprivate var needsTraining: Bool {
    switch self {
    case .gradients, .trajectory, .copyDistance, .closestCopies, .deadParameters: true
    case .logits, .loss, .residual, .moments, .firstStep, .replay: false
    }
  }

  /// Whether it compares with what plans say.
  fileprivate var needsPlans: Bool {
    switch self {
    case .gradients, .moments, .copyDistance, .closestCopies, .replay, .residual: true
    case .logits, .loss, .trajectory, .deadParameters, .firstStep: false
    }
  }

  /// Whether a growth with these guarantees must pass.
  func isDeclared(in guarantees: Guarantees) -> Bool {
    guarantee.map { guarantees.contains($0) } ?? true
  }
}

extension GrowthPath {
  /// Checks that these growths make the second model of the first, whatever their dropout.
  func check(from small: ModelConfiguration, to grown: ModelConfiguration) throws {
    for (planned, model, which) in [(source, small, "small"), (target, grown, "grown")]
    where planned.withoutDropout != model.withoutDropout {
      let fields = planned.differences(from: model)
      throw VerificationError(
        .mismatch,
        "the growth's \(which) model is not the \(which) model that is verified: in the growth, "
          + (fields.isEmpty
            ? "its rotary embedding or family differs" : fields.listed()),
        subject: "plans")
    }
  }
}
