// SPDX-License-Identifier: Apache-2.0
import Architectures
import Planning
import RunLogs
import Training

/// Watches for the slope at which a stage is over.
struct SlopeMonitor: LossMonitor {
  private let beginning: SlopeDetector
  private var detector: SlopeDetector
  private let computeOffset: Double
  private(set) var memory: String

  /// Goes on with what the state remembers, or begins.
  ///
  /// - Parameter threshold: the slope to wait for.
  init(
    threshold: Double, method: SlopeDetectorConfiguration.Method, status: TrainingStatus
  ) throws {
    beginning = try SlopeDetector(SlopeDetectorConfiguration(threshold: threshold, method: method))
    detector = try status.slopeDetector.map(SlopeDetector.init(state:)) ?? beginning
    memory = try detector.state
    // A grown model's compute counts from where a model of its size would stand.
    computeOffset = status.position.offset.floatingPointOperations
  }

  var isOver: Bool { detector.verdict?.hasCrossed ?? false }

  mutating func restore(memory: String?) throws {
    detector = try memory.map(SlopeDetector.init(state:)) ?? beginning
    self.memory = try detector.state
  }

  mutating func observe(_ evaluation: EvaluationRecord) throws {
    detector.observe(flops: evaluation.flops + computeOffset, loss: evaluation.validationLoss)
    memory = try detector.state
  }
}

extension RunModels {
  /// Checks that each slope that a stage waits for is known.
  func checkSlopes() throws {
    for index in stages.indices { _ = try slope(ofStage: index) }
  }

  /// The slope that a stage waits for, and how it is found; nil where it waits for none.
  ///
  /// - Throws: ``StagingError`` with the stage's key for a model without layers, which no law covers.
  func slope(
    ofStage index: Int
  ) throws -> (threshold: Double, method: SlopeDetectorConfiguration.Method)? {
    guard case .slope(let threshold, let method)? = stages[index].until else { return nil }
    let next = models.indices.contains(index + 1) ? models[index + 1] : nil
    do {
      return (try threshold.value(model: models[index], next: next, method: method), method)
    } catch let error as StagingError {
      throw StagingError(error.code, error.message, subject: "stages[\(index)].\(error.subject)")
    }
  }
}

extension StageSlope {
  /// The slope, below 0, for a stage of `model`.
  ///
  /// The published thresholds belong to the literal detector, which fires at the first upward swing of
  /// the noise. The robust one sees the slope itself, for which the published law (Kaplan et al.,
  /// arXiv 2001.08361) says where growing, or stopping, costs least.
  ///
  /// - Parameter next: the model that it is grown to; nil at the end.
  /// - Throws: ``StagingError`` for a model without layers, which no law covers.
  func value(
    model: ModelConfiguration, next: ModelConfiguration?, method: SlopeDetectorConfiguration.Method
  ) throws -> Double {
    switch self {
    case .value(let slope): return slope
    case .growth(let growth): return growth.threshold
    case .optimality: return try Self.optimality(of: model, method)
    case .automatic:
      guard let next else { return try Self.optimality(of: model, method) }
      if method == .literal {
        return PublishedGrowth(from: model, to: next)?.threshold ?? PublishedGrowth.both.threshold
      }
      let (small, large) = try (Self.parameters(of: model), Self.parameters(of: next))
      return ScalingLaw.kaplan.bestGrowth(from: small, to: large)?.slope
        ?? ScalingLaw.kaplan.optimalitySlope(parameters: small)
    }
  }

  private static func optimality(
    of model: ModelConfiguration, _ method: SlopeDetectorConfiguration.Method
  ) throws -> Double {
    if method == .literal { return PublishedGrowth.optimalityThreshold }
    return ScalingLaw.kaplan.optimalitySlope(parameters: try parameters(of: model))
  }

  private static func parameters(of model: ModelConfiguration) throws -> Double {
    guard model.layerCount > 0 else {
      throw StagingError(
        .invalidValue,
        "no slope is known at which to grow a model without layers; give after, share, loss, or a "
          + "number", subject: "until.slope")
    }
    return Double(try model.parameterCount().withoutEmbeddings)
  }
}

extension PublishedGrowth {
  /// The published growth that makes larger what differs between two models; nil where neither
  /// width nor depth does.
  init?(from small: ModelConfiguration, to large: ModelConfiguration) {
    let isDeeper = small.layerCount != large.layerCount
    let isWider =
      small.hiddenSize != large.hiddenSize || small.intermediateSize != large.intermediateSize
      || small.headCount != large.headCount
    switch (isWider, isDeeper) {
    case (true, true): self = .both
    case (true, false): self = .width
    case (false, true): self = .depth
    case (false, false): return nil
    }
  }
}
