// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// A setting of a training that goes on, which the recipe replaces by another.
///
/// What is measured, saved and stopped at is the new run's own business, and counts from the recipe.
struct ReplacedSetting: Sendable, Hashable {
  /// The key as recipes write it: `optimizer.beta2`.
  var key: String
  /// The training's own value.
  var old: String
  /// The recipe's value.
  var new: String

  /// Nil where both are the same.
  private init?<Value: Equatable>(_ key: String, _ old: Value, _ new: Value) {
    guard old != new else { return nil }
    self.key = key
    self.old = "\(old)"
    self.new = "\(new)"
  }

  /// `optimizer.beta2 is 0.95, the checkpoint's is 0.999`.
  static func sentence(_ setting: Self) -> String {
    "\(setting.key) is \(setting.new), the checkpoint's is \(setting.old)"
  }

  /// `optimizer.beta2: 0.999 → 0.95`.
  static func arrow(_ setting: Self) -> String { "\(setting.key): \(setting.old) → \(setting.new)" }

  /// All settings in one line.
  static func list(_ settings: [Self], _ text: (Self) -> String) -> String {
    settings.map(text).joined(separator: "; ")
  }

  /// What of a training's settings a recipe replaces.
  static func of(_ old: TrainingConfiguration, by new: TrainingConfiguration) -> [Self] {
    [
      Self("seed", old.seed, new.seed),
      Self("precision", old.precision.rawValue, new.precision.rawValue),
      Self("onNonFinite", text(old.onNonFinite), text(new.onNonFinite)),
      Self("onSpike", text(old.onSpike), text(new.onSpike)),
      Self("parametrization", text(old.parametrization), text(new.parametrization)),
    ].compactMap { $0 } + of(old.batch, by: new.batch) + of(old.optimizer, by: new.optimizer)
      + of(old.schedule, by: new.schedule)
  }

  /// What of a model's settings that are no part of its weights the run's model replaces.
  static func of(_ old: ModelConfiguration, by new: ModelConfiguration) -> [Self] {
    [
      Self("model.dropout", text(old.dropout), text(new.dropout)),
      Self("model.context", old.contextLength, new.contextLength),
    ].compactMap { $0 }
  }

  private static func of(_ old: BatchConfiguration, by new: BatchConfiguration) -> [Self] {
    [
      Self("batch.sequences", old.sequences, new.sequences),
      Self("batch.accumulate", old.accumulate, new.accumulate),
      Self("batch.warmup", text(old.sequencesWarmup), text(new.sequencesWarmup)),
      Self("batch.sequenceLength", text(old.sequenceLengthWarmup), text(new.sequenceLengthWarmup)),
    ].compactMap { $0 }
  }

  private static func of(
    _ old: OptimizerConfiguration, by new: OptimizerConfiguration
  ) -> [Self] {
    var settings = [
      Self("optimizer.kind", old.kind.rawValue, new.kind.rawValue),
      Self("optimizer.beta1", old.beta1, new.beta1),
      Self("optimizer.beta2", old.beta2, new.beta2),
      Self("optimizer.epsilon", old.epsilon, new.epsilon),
      Self("optimizer.weightDecay", old.weightDecay, new.weightDecay),
      Self("optimizer.clip", text(old.clip), text(new.clip)),
      Self("optimizer.decayRule", old.decayRule.rawValue, new.decayRule.rawValue),
    ]
    if case .muon(let old) = old, case .muon(let new) = new {
      settings += [
        Self("optimizer.momentum", old.momentum, new.momentum),
        Self("optimizer.nesterov", old.nesterov, new.nesterov),
        Self("optimizer.iterations", old.iterations, new.iterations),
      ]
    }
    return settings.compactMap { $0 }
  }

  private static func of(_ old: LearningRateSchedule, by new: LearningRateSchedule) -> [Self] {
    var settings = [
      Self("schedule.kind", old.kind.rawValue, new.kind.rawValue),
      Self("schedule.peak", old.peak, new.peak),
      Self("schedule.warmup", old.warmup, new.warmup),
    ]
    if old.kind != .constant, new.kind != .constant {
      settings += [
        Self("schedule.total", text(old.total), text(new.total)),
        Self("schedule.floor", old.floor, new.floor),
      ]
    }
    if old.kind == .wsd, new.kind == .wsd {
      settings += [
        Self("schedule.decay", text(old.decay), text(new.decay)),
        Self("schedule.decayShape", old.decayShape.rawValue, new.decayShape.rawValue),
      ]
    }
    return settings.compactMap { $0 }
  }

  private static func text(_ value: (some CustomStringConvertible)?) -> String {
    value.map(\.description) ?? "none"
  }

  /// As recipes write it.
  private static func text(_ rates: DropoutRates) -> String {
    let (embedding, attention, residual) = (rates.embedding, rates.attention, rates.residual)
    guard embedding != attention || attention != residual else { return "\(embedding)" }
    return "{embedding: \(embedding), attention: \(attention), residual: \(residual)}"
  }

  private static func text(_ action: TroubleAction?) -> String {
    (action ?? .stop).rawValue
  }

  private static func text(_ policy: TrainingConfiguration.SpikePolicy?) -> String {
    policy.map { "\($0.action.rawValue) above \($0.factor) × the last \($0.window)" } ?? "none"
  }

  /// As recipes write it.
  private static func text(_ parametrization: MaximalUpdateParametrization?) -> String {
    parametrization?.recipeText ?? "standard"
  }

  private static func text(_ warmup: BatchConfiguration.Warmup?) -> String {
    warmup.map { "from \($0.start) over \($0.tokens) tokens" } ?? "none"
  }

  private static func text(_ decay: LearningRateSchedule.DecayLength) -> String {
    switch decay {
    case .share(let share): "\(share) of the total"
    case .duration(let duration): "\(duration)"
    }
  }
}
