// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Interpretation
import LinearAlgebra
import Tensors
import Text
import Training

/// What rounding does to the small model by itself.
struct Roundings {
  /// Rounding in the arithmetic; nil where nothing was measured in float64.
  var model: ModelRounding?
  /// Rounding to the grown file's type; nil for float32 and finer.
  var file: FileRounding?

  /// Whether a number that a growth must keep is beyond its bound, where more may be allowed.
  func areExceeded(
    by numbers: GrowthMeasurer.Numbers, _ check: VerificationCheck,
    _ arithmetic: MeasuredArithmetic, declared: Guarantees?
  ) -> Bool {
    guard declared.map(check.isDeclared) ?? true, let number = numbers.measurements[check],
      number.doubt == nil, number.value.isFinite,
      let bound = GuaranteeTolerances.bound(
        check, arithmetic, rounding: file, modelRounding: model)
    else { return false }
    return !bound.admits(number.value)
  }

  /// Whether logits, losses or streams in float32 are beyond what was allowed so far, where the grown
  /// file is rounded.
  func needFileCost(
    for numbers: GrowthMeasurer.Numbers, declared: Guarantees?,
    checks: [VerificationCheck] = [.logits, .loss, .residual]
  ) -> Bool {
    guard let file, !file.isExact, file.choosesExperts != true else { return false }
    return checks.contains { areExceeded(by: numbers, $0, .float32, declared: declared) }
  }
}

extension GrowthVerification {
  /// Measures what rounding does to the small model, where a number is beyond what was allowed so far.
  ///
  /// - Parameter model: what is known of rounding in float32.
  /// - Throws: the errors of the models.
  func measureRounding(
    beside numbers: GrowthMeasurer.Numbers, exact: GrowthMeasurer.Numbers, model: ModelRounding?,
    on engine: any TrainingEngine, trains: Bool
  ) throws -> Roundings {
    var roundings = Roundings(model: model, file: rounding)
    if trains { try measureGradients(numbers, exact: exact, on: engine, &roundings) }
    try measureTrajectories(numbers, exact: exact, on: engine, &roundings)
    let training: [VerificationCheck] = [.gradients, .trajectory]
    if roundings.needFileCost(
      for: numbers, declared: declared, checks: [.logits, .loss, .residual] + training)
    {
      try roundings.file?.measureCost(
        of: LayerwiseModel(small), small.configuration, on: batches[0],
        MatrixArithmetic(threads: engine.threadCount))
      if trains, roundings.needFileCost(for: numbers, declared: declared, checks: training) {
        try measureTrainingCost(engine, &roundings.file)
      }
    }
    return roundings
  }

  /// What float32 does to the small model's gradients.
  private func measureGradients(
    _ numbers: GrowthMeasurer.Numbers, exact: GrowthMeasurer.Numbers,
    on engine: any TrainingEngine, _ roundings: inout Roundings
  ) throws {
    guard let gradients = exact.smallGradients,
      roundings.areExceeded(by: numbers, .gradients, .float32, declared: declared)
        || roundings.areExceeded(by: exact, .gradients, .float64, declared: declared)
    else { return }
    let model = try EngineModel(small, on: engine)
    roundings.model?.gradients = gradientDifference(
      of: try GradientMap.gradients(model, exactBatches[0]), against: gradients, model)
  }

  /// What rounding does to the training of the grown model, as it should be: on an engine in float32, and in
  /// float64 where each parameter is changed in its last place.
  ///
  /// The small model has no copies, which rounding parts and training drives further apart.
  private func measureTrajectories(
    _ numbers: GrowthMeasurer.Numbers, exact: GrowthMeasurer.Numbers,
    on engine: any TrainingEngine, _ roundings: inout Roundings
  ) throws {
    guard let losses = exact.grownLosses else { return }
    func error(of model: some MeasuredModel) throws -> Double {
      Trajectory.difference(
        of: try Trajectory.losses(model, batches: exactBatches, training: training),
        against: losses
      ).value
    }
    if roundings.areExceeded(by: numbers, .trajectory, .float32, declared: declared) {
      let made = try exactModels(threads: engine.threadCount).grown
      roundings.model?.trajectory = try error(
        of: EngineModel(made.state(of: grown.configuration), on: engine))
    }
    if roundings.areExceeded(by: exact, .trajectory, .float64, declared: declared) {
      var changed = try exactModels(threads: engine.threadCount).grown
      changed.changeLastPlaces()
      let own = try error(of: changed)
      // Where nothing is left of float32's losses, steps multiply differences beyond any measure.
      let float32 = roundings.model?.trajectory ?? 0
      roundings.model?.exactTrajectory =
        ModelRounding.tolerance * float32 <= 1 ? own : worse(float32, own)
    }
  }

  /// What rounding to the grown file's type does to the small model's training, on an engine.
  private func measureTrainingCost(
    _ engine: any TrainingEngine, _ file: inout FileRounding?
  ) throws {
    guard let rounding = file else { return }
    var rounded = small
    for index in rounded.parameters.indices {
      rounded.parameters[index].value = try rounding.rounded(rounded.parameters[index].value)
    }
    let models = try [small, rounded].map { try EngineModel($0, on: engine) }
    let gradients = try models.map { try GradientMap.gradients($0, batches[0]) }
    file?.cost?.gradients = gradientDifference(of: gradients[1], against: gradients[0], models[0])
    file?.cost?.trajectory = try Trajectory.difference(
      models[0], models[1], batches: batches, training: training
    ).value
  }

  private func gradientDifference(
    of found: [[Double]], against expected: [[Double]], _ model: EngineModel
  ) -> Double? {
    largestDifference(found, expected, names: model.program.parameters.map(\.name))?.value
  }
}

extension ExactModel {
  /// The model in float32.
  fileprivate func state(of configuration: ModelConfiguration) -> ModelState {
    func tensor(_ values: [Double], _ index: Int) -> HostTensor {
      HostTensor(values.map { Float($0) }, shape: program.parameters[index].shape)
    }
    return ModelState(
      configuration,
      clocks.enumerated().map { index, clock in
        var state = ParameterState(value: tensor(values[index], index), clock: clock)
        state.slots = slots[index].mapValues { tensor($0, index) }
        return state
      })
  }

  /// Makes each number of each parameter larger or smaller by its last place.
  fileprivate mutating func changeLastPlaces() {
    let generator = Philox(seed: 0)
    for index in values.indices {
      for element in values[index].indices {
        let word = generator.words(
          SIMD4(UInt32(truncatingIfNeeded: element), UInt32(truncatingIfNeeded: index), 0, 0)
        ).x
        let value = values[index][element]
        values[index][element] = word & 1 == 0 ? value.nextUp : value.nextDown
      }
    }
  }
}

extension FileRounding {
  /// Measures what rounding to the file's type does to a small model's logits, losses and streams.
  ///
  /// - Throws: the errors of the models.
  mutating func measureCost(
    of model: LayerwiseModel, _ configuration: ModelConfiguration, on batch: TokenBatch,
    _ arithmetic: MatrixArithmetic
  ) throws {
    cost = try LockStep(
      small: model, grown: LayerwiseModel(model, rounding: self), exact: nil,
      path: try GrowthPath([], of: configuration), batch: batch, arithmetic: arithmetic
    ) { _, _, _ in }.measure().difference
  }
}
