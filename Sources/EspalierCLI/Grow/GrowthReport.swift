// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// What a growth is and does, for `--json` and for the printed plan.
struct GrowthReport: Encodable {
  /// One of the two models.
  struct Model: Encodable {
    var configuration: ModelConfiguration
    var parameterCount: Int
    var parameterCountWithoutEmbeddings: Int
    var trainingFLOPsPerToken: Double

    init(_ model: ModelConfiguration) throws {
      configuration = model
      let counts = try model.parameterCount()
      parameterCount = counts.total
      parameterCountWithoutEmbeddings = counts.withoutEmbeddings
      trainingFLOPsPerToken =
        try model.floatingPointOperations(sequenceLength: model.contextLength).training
    }
  }

  /// Where the training stands.
  struct Training: Encodable {
    var step: Int
    var tokens: Int
    var moments: MomentPolicy
    var newEntryRate: NewEntries.Rate?
    var scheduleStepBefore: Int
    var scheduleStepAfter: Int
    var rewarmup: TrainingDuration?
  }

  /// What is not promised, and why.
  struct Loss: Encodable {
    var guarantee: Guarantee
    var reason: String
  }

  /// What was written.
  struct Output: Encodable {
    var path: String
    var byteCount: Int
    var seconds: Double

    init(_ url: URL, seconds: Double) throws {
      path = url.absoluteURL.standardizedFileURL.path(percentEncoded: false)
      byteCount = try Manifest(reading: url).files.values.reduce(0) { $0 + $1.byteCount }
      self.seconds = seconds
    }
  }

  var operation: String
  var source: String
  /// Nil with `--dry-run` where it would take reading all weights.
  var sourceHash: String?
  /// Newer checkpoints of the source's run that are damaged; nil where there are none.
  var passedOver: [PassedOverCheckpoint]?
  var seed: UInt64
  var from: Model
  var to: Model
  var preserves: [Guarantee]
  var doesNotPreserve: [Loss]
  var memoryByteCount: Int
  /// Bytes of the files with tensors.
  var tensorByteCount: Int
  /// The names of those files.
  var files: [String]
  /// Seconds that the growth would take, the disk's part aside; only with `--dry-run`.
  var estimatedSeconds: Double?
  /// Where each tensor comes from; only with `--tensors`.
  var tensors: [GrowthOutline.Tensor]?
  /// Keys of `config.json` that the grown model needs and no other tool knows.
  var ownKeys: [String]
  /// What else other tools make of the grown model.
  var notes: [String]
  /// Nil where only the weights are grown.
  var training: Training?
  /// Nil with `--dry-run`.
  var output: Output?

  init(
    _ growth: ModelGrowth, _ output: ModelGrowth.Output, withTensors: Bool
  ) throws {
    let outline = try growth.outline(output)
    operation = growth.path.operation
    source = growth.source.url.path(percentEncoded: false)
    sourceHash = growth.options.sourceHash
    seed = growth.options.seed
    from = try Model(growth.source.model)
    to = try Model(growth.target)
    preserves = growth.guarantees.inOrder
    doesNotPreserve = Guarantee.allCases.compactMap { guarantee in
      let plan = growth.path.plans.first { !$0.guarantees.contains(guarantee) }
      if let plan { return Loss(guarantee: guarantee, reason: plan.reason(against: guarantee)) }
      if growth.guarantees.contains(guarantee) { return nil }
      // The steps' promises hold one by one, and not all together.
      return Loss(
        guarantee: guarantee,
        reason: growth.path.guarantees.contains(guarantee)
          ? growth.reasonAgainstTrajectory : "the steps together do not promise it")
    }
    memoryByteCount = outline.memoryByteCount
    tensorByteCount = outline.byteCount
    files = outline.files
    tensors = withTensors ? outline.tensors : nil
    ownKeys = try growth.ownKeys()
    notes =
      Self.notes(growth.target) + Self.notes(growth.source, as: output.type)
      + (try Self.notes(growth))
    training = try Training(growth)
  }

  /// transformers checks more of a Llama than it needs.
  private static func notes(_ model: ModelConfiguration) -> [String] {
    guard model.family == .llama, model.hiddenSize % model.headCount != 0 else { return [] }
    return [
      "transformers 5 opens a llama only where the heads (\(model.headCount)) divide the hidden size "
        + "(\(model.hiddenSize)), although heads of any size would do"
    ]
  }
}

extension GrowthReport {
  /// A rate that rises until the training is over is never the schedule's.
  private static func notes(_ growth: ModelGrowth) throws -> [String] {
    guard let status = growth.grownStatus() else { return [] }
    if let rise = try status.training.unreachedRise(from: status) {
      return [
        "the learning rate rises again \(rise.text("the training as this checkpoint has it ends")); give "
          + "less --rewarmup, or train for longer"
      ]
    }
    // Nobody knows how long the next training is, but one as long as all so far would not do.
    guard status.training.stop.after?.isReached(by: status.progress) ?? false,
      let rise = status.position.rewarmup?.duration,
      rise.amount >= status.progress.amount(rise.measure)
    else { return [] }
    return [
      "the training came to its end, and the learning rate rises again for \(rise), no less than all of it "
        + "took; give less --rewarmup, or train on for longer than that"
    ]
  }

  /// A type of fewer digits than the source's rounds every weight.
  private static func notes(_ source: GrowthSource, as type: DType?) -> [String] {
    let tensors = source.directory.tensors
    let types = Set(
      source.directory.tensorNames.compactMap { tensors.entry(named: $0)?.dtype }
        .filter(\.isFloatingPoint))
    guard let type, let wider = types.filter({ !type.holds($0) }).map(\.rawValue).min() else {
      return []
    }
    return [
      "weights are rounded from \(wider) to \(type.rawValue): what is kept is kept up to that"
    ]
  }
}

extension DType {
  /// Whether every number of another type is one of this type.
  fileprivate func holds(_ other: DType) -> Bool {
    switch self {
    case .float64: true
    case .float32: other != .float64
    default: other == self
    }
  }
}

extension GrowthReport.Training {
  init?(_ growth: ModelGrowth) throws {
    guard let before = growth.source.status, let after = growth.grownStatus() else {
      return nil
    }
    step = before.progress.steps
    tokens = before.progress.tokens
    moments = growth.options.moments
    newEntryRate = growth.options.newEntryRate
    scheduleStepBefore = (before.progress + before.position.offset).steps
    scheduleStepAfter = (after.progress + after.position.offset).steps
    if case .repositioned(_, let rewarmup) = growth.options.schedule { self.rewarmup = rewarmup }
  }
}

extension ModelGrowth {
  /// Why a growth so done does not promise what its steps do of the training after it.
  fileprivate var reasonAgainstTrajectory: String {
    if options.moments != .mapped {
      return "the moments are not mapped (\(options.moments.rawValue))"
    }
    return options.newEntryRate == nil
      ? "the optimizer's steps of copies are not those of what they copy"
      : "new entries have a learning rate of their own"
  }
}

extension GrowthPlan {
  /// Why the growth does not promise something.
  func reason(against guarantee: Guarantee) -> String {
    let reason =
      switch guarantee {
      case .loss: lossReason
      case .moments where signalToNoise != nil: "the noise between copies changes their gradients"
      case .moments where !guarantees.contains(.loss): "another function has other gradients"
      case .moments: "gradients are no multiples of the small model's"
      case .trajectory where learningRates == .target:
        "the learning rates are meant for the larger model"
      case .trajectory: "its next steps are not the small model's"
      case .symmetry where (signalToNoise ?? 0) > Self.weakestPartingNoise:
        "noise of \(noiseText) is too weak to part copies for certain; "
          + "\(Readable.count(Self.weakestPartingNoise)) dB or stronger does"
      case .symmetry where signalToNoise != nil, .liveness where (signalToNoise ?? 0) < 0:
        "noise of \(noiseText) is stronger than the weights, and units may saturate alike"
      case .symmetry: "copies get equal gradients and stay copies, unless dropout parts them"
      case .liveness where target.traits.experts?.perToken == 1:
        "a router that gives every token one expert never learns"
      case .liveness: "some new parameters get no gradient"
      }
    return "\(operation): \(reason)"
  }

  /// The noise's strength, for a sentence.
  private var noiseText: String { "\(Readable.count(signalToNoise ?? 0)) dB" }

  private var lossReason: String {
    if let strongest = strongestPromisedNoise {
      let gain =
        roundingGain < 1e6
        ? "about \(Readable.count(roundingGain.rounded())) times" : "more than a million times"
      return "kept in exact arithmetic, but noise of \(noiseText) multiplies rounding \(gain) over "
        + "\(Readable.exact(target.layerCount, of: "layer")), more than float32 bears; --noise "
        + "\(strongest) or weaker (a greater number) promises it"
    }
    if layers.contains(where: { !$0.isKept && !$0.isIdentity }) {
      return "new layers compute something from the start"
    }
    if target.vocabularySize != source.vocabularySize {
      return "new tokens take a part of the probability; the old tokens' logits stay"
    }
    return "it changes the function"
  }
}
