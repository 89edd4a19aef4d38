// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents

/// The optimizer of a training.
///
/// Settings that all optimizers have (`clip`, `weightDecay`, `decayRule`), and AdamW's, are read and
/// written as if they were its own.
@dynamicMemberLookup
public struct OptimizerConfiguration: Sendable, Hashable {
  /// The rule with its settings.
  public private(set) var rule: any Optimizer

  /// Takes a rule.
  public init(_ rule: any Optimizer) { self.rule = rule }

  /// The usual settings of a rule.
  package init(_ type: any Optimizer.Type) { rule = type.usual }

  /// The word for it in recipes and files.
  public var key: String { type(of: rule).key }
  /// What people call it.
  public var name: String { type(of: rule).name }
  /// The name and the settings, as reports tell them.
  public var summary: String { rule.summary }
  /// Whether a grown model can go on as the small one would have.
  public var keepsTrajectory: Bool { type(of: rule).keepsTrajectory }

  /// AdamW's settings.
  public var adamW: AdamWConfiguration {
    get { rule.adamW }
    set { rule.adamW = newValue }
  }

  /// One of AdamW's settings.
  public subscript<Value>(
    dynamicMember member: WritableKeyPath<AdamWConfiguration, Value>
  ) -> Value {
    get { adamW[keyPath: member] }
    set { adamW[keyPath: member] = newValue }
  }

  /// Whether rule and settings are equal.
  public static func == (left: OptimizerConfiguration, right: OptimizerConfiguration) -> Bool {
    AnyHashable(left.rule) == AnyHashable(right.rule)
  }

  /// Hashes rule and settings.
  public func hash(into hasher: inout Hasher) { hasher.combine(AnyHashable(rule)) }

  /// What is kept of a parameter.
  public func slots(of parameter: ParameterSpec) -> [StateSlot] { rule.slots(of: parameter) }

  /// The next update of each parameter.
  ///
  /// - Parameters:
  ///   - learningRate: the schedule's rate of the step.
  ///   - parameters: what the parameters are, in the program's order.
  ///   - clocks: their counts and multipliers before the step, in the same order.
  public func updates(
    learningRate: Double, parameters: [ParameterSpec], clocks: [ParameterClock]
  ) -> [ParameterUpdate] {
    let rule = rule
    return zip(parameters, clocks).map {
      rule.update(of: $0, clock: $1, learningRate: learningRate)
    }
  }

  /// Counts an update of each parameter, and forgets new entries that are trained as all others from
  /// here on.
  ///
  /// - Parameter parameters: what the parameters are, in the order of their clocks.
  public func advance(_ clocks: inout [ParameterClock], of parameters: [ParameterSpec]) {
    rule.advance(&clocks, of: parameters)
  }

  /// Checks the settings.
  ///
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate(_ key: String = "optimizer") throws { try rule.validate(key) }
}

// MARK: Settings by their keys

extension Optimizer {
  /// The keys of its settings.
  static var keys: [String] { settings.map(\.key) }

  fileprivate var values: [(key: String, form: SettingForm, value: SettingValue)] {
    Self.settings.map { ($0.key, $0.form, $0.get(self)) }
  }

  fileprivate mutating func set(_ key: String, _ value: SettingValue) {
    _ = Self.settings.first { $0.key == key }?.set(&self, value)
  }

  /// Rows of the documentation's table: key, form, usual value, meaning.
  fileprivate static var rows: [(key: String, form: SettingForm, usual: String, meaning: String)] {
    settings.map { ($0.key, $0.form, "\($0.get(usual))", $0.meaning) }
  }
}

extension OptimizerConfiguration {
  /// The key of the optimizer's own word.
  package static let kindKey = "kind"

  /// The keys of all optimizers.
  package static let keys: [String] = known.reduce(into: [kindKey]) { all, optimizer in
    all += optimizer.keys.filter { !all.contains($0) }
  }

  /// The optimizers that have a setting.
  package static func owners(of key: String) -> [any Optimizer.Type] {
    known.filter { $0.keys.contains(key) }
  }

  /// The words for all but the usual one, each with the keys that the usual one lacks.
  package static var alternatives: String {
    known.dropFirst().map { optimizer in
      let own = optimizer.keys.filter { !known[0].keys.contains($0) }
      return optimizer.key
        + (own.isEmpty ? "" : ": its own keys are \(own.joined(separator: ", "))")
    }.joined(separator: "; or ")
  }

  /// The settings of its rule by their keys: what each takes, and has.
  package var settings: [(key: String, form: SettingForm, value: SettingValue)] { rule.values }

  /// Sets a setting that the rule has, to a value of its form.
  package mutating func set(_ key: String, _ value: SettingValue) { rule.set(key, value) }

  /// All settings as a table in Markdown, for the documentation.
  public static var table: String {
    let kinds = known.map { "`\($0.key)`" }
    var rows = [
      "| key | takes | default | meaning |", "|---|---|---|---|",
      "| `\(kindKey)` | \(kinds.joined(separator: ", ")) | \(kinds[0]) | the optimizer |",
    ]
    for key in keys.dropFirst() {
      let owners = owners(of: key)
      guard let row = owners.first?.rows.first(where: { $0.key == key }) else { continue }
      let names = owners.map { $0.name }.joined(separator: ", ")
      rows.append(
        "| `\(key)` | \(row.form.marked) | \(row.form.marked(row.usual)) | "
          + "\(owners.count == known.count ? "" : "\(names): ")\(row.meaning) |")
    }
    return rows.joined(separator: "\n")
  }
}

extension SettingForm {
  /// What it takes, with words marked.
  fileprivate var marked: String {
    switch self {
    case .number, .integer: expected
    case .optionalNumber(let limits): "a number \(limits), or `none`"
    case .flag: "`true`, `false`"
    case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    }
  }

  /// A value, marked where it is a word.
  fileprivate func marked(_ value: String) -> String {
    switch self {
    case .number, .optionalNumber, .integer: value
    case .flag, .word: "`\(value)`"
    }
  }
}

// MARK: In files

/// In files the kind stands beside the optimizer's settings; without one they are AdamW's.
extension OptimizerConfiguration: FieldCoded {
  package init(_ fields: FieldCoder, of old: OptimizerConfiguration?) throws {
    let usual = AdamWConfiguration.key
    let key = try fields.field(Self.kindKey, old?.key, default: usual)
    guard let type = Self.known.first(where: { $0.key == key }) else {
      let keys = Self.known.map { $0.key }
      throw fields.failure(
        Self.kindKey, "got the text \"\(key)\"; expected one of \(keys.joined(separator: ", "))")
    }
    rule = try Self.coded(type, fields, old)
  }

  private static func coded<Rule: Optimizer>(
    _ type: Rule.Type, _ fields: FieldCoder, _ old: OptimizerConfiguration?
  ) throws -> any Optimizer {
    try fields.beside(old?.rule as? Rule)
  }
}
