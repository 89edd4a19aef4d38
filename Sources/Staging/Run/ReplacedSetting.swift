// SPDX-License-Identifier: Apache-2.0
import Architectures
import OrderedJSON
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
    let isConstant = [old, new].contains { $0.schedule.kind == .constant }
    return zip(old.keys, new.keys).flatMap { one, other in
      of(one.0, one.1, by: other.1)
    }.filter { !isConstant || !["schedule.total", "schedule.floor"].contains($0.key) }
  }

  /// What of a model's settings that are no part of its weights the run's model replaces.
  static func of(_ old: ModelConfiguration, by new: ModelConfiguration) -> [Self] {
    [
      ("model.dropout", text(old.dropout), text(new.dropout)),
      ("model.context", "\(old.contextLength)", "\(new.contextLength)"),
    ].compactMap { $1 == $2 ? nil : Self(key: $0, old: $1, new: $2) }
  }

  /// A section's value, or key by key where both have keys of the same kind.
  private static func of(_ key: String, _ old: JSONValue?, by new: JSONValue?) -> [Self] {
    guard old != new else { return [] }
    guard case .object(let old)? = old, case .object(let new)? = new,
      ["batch", "optimizer", "schedule"].contains(key)
    else { return [Self(key: key, old: text(old, of: key), new: text(new, of: key))] }
    let names = old.members.map(\.key) + new.members.map(\.key).filter { old[$0] == nil }
    return names.compactMap { name in
      guard old[name] != new[name] else { return nil }
      // Other optimizers and schedules have keys of their own.
      if key != "batch", old[name] == nil || new[name] == nil { return nil }
      return Self(
        key: "\(key).\(name)", old: text(old[name], of: name), new: text(new[name], of: name))
    }
  }

  /// A value as recipes write it on one line, and what it is where they say nothing.
  private static func text(_ value: JSONValue?, of key: String) -> String {
    value?.recipeLine ?? (key == "onNonFinite" ? TroubleAction.stop.rawValue : "none")
  }

  /// As recipes write it.
  private static func text(_ rates: DropoutRates) -> String {
    let (embedding, attention, residual) = (rates.embedding, rates.attention, rates.residual)
    guard embedding != attention || attention != residual else { return "\(embedding)" }
    return "{embedding: \(embedding), attention: \(attention), residual: \(residual)}"
  }
}
