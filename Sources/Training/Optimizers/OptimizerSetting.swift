// SPDX-License-Identifier: Apache-2.0
import Documents

/// One setting of an optimizer: its key, what it takes, and what it does.
///
/// Each optimizer declares its own beside itself. A recipe's keys, the fields of states and runs, the checks
/// of values, reports and the documentation's table all come from here.
public struct OptimizerSetting<Settings>: Sendable {
  /// The key in recipes and files.
  public let key: String
  /// What it takes.
  public let form: SettingForm
  /// What stands before the value in reports; nil where they do not tell it.
  public let label: String?
  /// What it is, for the documentation.
  public let meaning: String

  let get: @Sendable (Settings) -> SettingValue
  let set: @Sendable (inout Settings, SettingValue) -> Bool

  /// The setting of a part, as one of the whole.
  func lifted<Whole>(
    _ part: WritableKeyPath<Whole, Settings> & Sendable
  ) -> OptimizerSetting<Whole> {
    OptimizerSetting<Whole>(
      key: key, form: form, label: label, meaning: meaning,
      get: { [get] in get($0[keyPath: part]) },
      set: { [set] in set(&$0[keyPath: part], $1) })
  }
}

/// What a setting takes.
public enum SettingForm: Sendable, Hashable {
  /// A number that steps are computed with, in float32.
  case number(NumberLimits)
  /// A number, or none.
  case optionalNumber(NumberLimits)
  /// A whole number.
  case integer(ClosedRange<Int>)
  /// True or false.
  case flag
  /// One of these words.
  case word([String])

  /// What it takes, to follow “expected”.
  public var expected: String {
    switch self {
    case .number(let limits): "a number \(limits)"
    case .optionalNumber(let limits): "a number \(limits), or none"
    case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .flag: "true or false"
    case .word(let words): "one of \(words.joined(separator: ", "))"
    }
  }

  /// Whether it takes a value.
  func takes(_ value: SettingValue) -> Bool {
    switch (self, value) {
    case (.number(let limits), .number(let number)): limits.contains(number)
    case (.optionalNumber(let limits), .number(let number)): limits.contains(number)
    case (.optionalNumber, .none), (.flag, .flag): true
    case (.integer(let range), .integer(let integer)): range.contains(integer)
    case (.word(let words), .word(let word)): words.contains(word)
    default: false
    }
  }
}

/// The numbers that a setting takes, all of them finite.
public enum NumberLimits: Sendable, Hashable, CustomStringConvertible {
  case from(Int, below: Int)
  case atLeast(Int)
  case above(Int)

  /// Whether a number is one of them.
  public func contains(_ number: Double) -> Bool {
    switch self {
    case .from(let least, let end): number >= Double(least) && number < Double(end)
    case .atLeast(let least): number.isFinite && number >= Double(least)
    case .above(let bound): number.isFinite && number > Double(bound)
    }
  }

  /// The limits, to follow “a number”.
  public var description: String {
    switch self {
    case .from(let least, let end): "from \(least) to below \(end)"
    case .atLeast(let least): "of at least \(least)"
    case .above(let bound): "above \(bound)"
    }
  }
}

/// The value of a setting.
public enum SettingValue: Sendable, Hashable, CustomStringConvertible {
  case number(Double)
  case integer(Int)
  case flag(Bool)
  case word(String)
  case none

  /// The value as recipes write it.
  public var description: String {
    switch self {
    case .number(let number): "\(number)"
    case .integer(let integer): "\(integer)"
    case .flag(let flag): "\(flag)"
    case .word(let word): word
    case .none: "none"
    }
  }
}

// MARK: Declaring

extension OptimizerSetting {
  /// A setting that is kept in a field.
  private init<Value>(
    key: String, field: WritableKeyPath<Settings, Value> & Sendable, form: SettingForm,
    label: String?, meaning: String, wrap: @escaping @Sendable (Value) -> SettingValue,
    unwrap: @escaping @Sendable (SettingValue) -> Value?
  ) {
    self.init(
      key: key, form: form, label: label, meaning: meaning, get: { wrap($0[keyPath: field]) },
      set: { settings, value in
        guard let value = unwrap(value) else { return false }
        settings[keyPath: field] = value
        return true
      })
  }

  /// A number that steps are computed with.
  static func number(
    _ key: String, _ field: WritableKeyPath<Settings, Double> & Sendable, _ limits: NumberLimits,
    label: String? = nil, meaning: String
  ) -> OptimizerSetting {
    OptimizerSetting(
      key: key, field: field, form: .number(limits), label: label, meaning: meaning,
      wrap: { .number($0) }, unwrap: { $0.number })
  }

  /// A number, or none.
  static func optionalNumber(
    _ key: String, _ field: WritableKeyPath<Settings, Double?> & Sendable, _ limits: NumberLimits,
    label: String? = nil, meaning: String
  ) -> OptimizerSetting {
    OptimizerSetting(
      key: key, field: field, form: .optionalNumber(limits), label: label, meaning: meaning,
      wrap: { $0.map { .number($0) } ?? .none },
      unwrap: { $0 == .none ? .some(nil) : $0.number.map { .some($0) } })
  }

  /// A whole number.
  static func integer(
    _ key: String, _ field: WritableKeyPath<Settings, Int> & Sendable, in range: ClosedRange<Int>,
    label: String? = nil, meaning: String
  ) -> OptimizerSetting {
    OptimizerSetting(
      key: key, field: field, form: .integer(range), label: label, meaning: meaning,
      wrap: { .integer($0) }, unwrap: { $0.integer })
  }

  /// True or false.
  static func flag(
    _ key: String, _ field: WritableKeyPath<Settings, Bool> & Sendable, label: String? = nil,
    meaning: String
  ) -> OptimizerSetting {
    OptimizerSetting(
      key: key, field: field, form: .flag, label: label, meaning: meaning,
      wrap: { .flag($0) }, unwrap: { $0.flag })
  }

  /// One of an enumeration's words.
  static func word<Choice>(
    _ key: String, _ field: WritableKeyPath<Settings, Choice> & Sendable, label: String? = nil,
    meaning: String
  ) -> OptimizerSetting where Choice: RawRepresentable<String> & CaseIterable & Sendable {
    OptimizerSetting(
      key: key, field: field, form: .word(Choice.allCases.map(\.rawValue)), label: label,
      meaning: meaning, wrap: { .word($0.rawValue) },
      unwrap: { $0.word.flatMap { Choice(rawValue: $0) } })
  }
}

// MARK: In files

extension OptimizerSetting {
  /// Reads the setting's field, or writes it and takes it over.
  func code(_ fields: FieldCoder, _ settings: inout Settings, of old: Settings?) throws {
    let value = try value(fields, old.map(get))
    guard set(&settings, value) else {
      throw fields.failure(key, "got the text \"\(value)\"; expected \(form.expected)")
    }
  }

  private func value(_ fields: FieldCoder, _ old: SettingValue?) throws -> SettingValue {
    switch form {
    case .number: .number(try fields.required(key, old?.number))
    case .optionalNumber: try fields.optional(key, old?.number).map { .number($0) } ?? .none
    case .integer: .integer(try fields.required(key, old?.integer))
    case .flag: .flag(try fields.required(key, old?.flag))
    case .word: .word(try fields.required(key, old?.word))
    }
  }
}

extension SettingValue {
  fileprivate var number: Double? { if case .number(let value) = self { value } else { nil } }
  fileprivate var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  fileprivate var flag: Bool? { if case .flag(let value) = self { value } else { nil } }
  fileprivate var word: String? { if case .word(let value) = self { value } else { nil } }
}
