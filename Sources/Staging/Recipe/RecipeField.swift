// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Training

/// A part of a recipe whose keys are declared once, for reading, writing and suggestions.
///
///     extension CheckpointConfiguration: RecipeSection {
///       static let blank = CheckpointConfiguration()
///       static var fields: [RecipeField<Self>] {
///         [.field("every", \.every, .duration()), .optional("keep", \.keep, .integer(in: 1...9), none: "all")]
///       }
///     }
protocol RecipeSection {
  /// What a part is whose keys are all left out.
  static var blank: Self { get }
  /// All keys, in the order in which they are read and written.
  static var fields: [RecipeField<Self>] { get }
  /// Reads a part.
  init(_ value: RecipeValue) throws
}

extension RecipeSection {
  /// The keys.
  static var keys: [String] { fields.map(\.key) }

  /// Reads each key.
  init(_ value: RecipeValue) throws { self = try Self.read(value).part }

  /// Reads a part, and hands out its keys for what is to be said of several.
  static func read(_ value: RecipeValue) throws -> (part: Self, keys: RecipeMapping) {
    let keys = try value.mapping(keys: keys)
    var part = blank
    for field in fields {
      let value = try field.missing.map { try keys.required(field.key, $0) } ?? keys[field.key]
      if let value { try field.read(value, &part) }
    }
    return (part, keys)
  }

  /// The part as a recipe says it.
  var json: JSONValue { .keys(Self.fields.map { ($0.key, $0.write(self)) }) }
}

/// One key of a part of a recipe.
struct RecipeField<Part> {
  let key: String
  /// What is expected where the key is missing; nil where it may be.
  var missing: String?
  /// Takes over what stands under the key.
  var read: (RecipeValue, inout Part) throws -> Void
  /// What stands under the key; nil where it is left out.
  var write: (Part) -> JSONValue?

  /// A value that a part always has.
  static func field<Value>(
    _ key: String, _ path: WritableKeyPath<Part, Value>, _ form: RecipeForm<Value>,
    required missing: String? = nil
  ) -> RecipeField {
    RecipeField(
      key: key, missing: missing, read: { $1[keyPath: path] = try form.read($0) },
      write: { form.write($0[keyPath: path]) })
  }

  /// A value that a part may lack.
  ///
  /// - Parameter none: the word for that; nil where the key is left out.
  static func optional<Value>(
    _ key: String, _ path: WritableKeyPath<Part, Value?>, _ form: RecipeForm<Value>,
    none: String? = nil
  ) -> RecipeField {
    RecipeField(
      key: key,
      read: { value, part in
        let isNone = none.map { value.isWord($0) } ?? false
        part[keyPath: path] = isNone ? nil : try form.read(value)
      },
      write: { $0[keyPath: path].map(form.write) ?? none.map { .string($0) } })
  }
}

extension RecipeField where Part: RecipeSection {
  /// The key of only some parts; others write it where it is not what it usually is.
  ///
  /// - Parameter complaint: why it is refused elsewhere.
  func only(where condition: @escaping (Part) -> Bool, _ complaint: String) -> RecipeField {
    var field = self
    field.read = { value, part in
      guard condition(part) else { throw value.conflict(complaint) }
      try read(value, &part)
    }
    field.write = { part in
      let value = write(part)
      return condition(part) || value != write(Part.blank) ? value : nil
    }
    return field
  }
}

/// How a value stands in a recipe.
struct RecipeForm<Value> {
  var read: (RecipeValue) throws -> Value
  var write: (Value) -> JSONValue
}

extension RecipeForm where Value: RecipeSection {
  /// A group of keys.
  static var section: RecipeForm { RecipeForm(read: { try Value($0) }, write: { $0.json }) }
}

extension RecipeForm where Value: RawRepresentable<String> & CaseIterable {
  /// One of an enumeration's words.
  static var word: RecipeForm {
    RecipeForm(read: { try $0.choice() }, write: { .string($0.rawValue) })
  }

  /// The words, for a key that must be there.
  static var words: String {
    "one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))"
  }
}

extension RecipeForm<Int> {
  /// A whole number.
  static func integer(in range: ClosedRange<Int>) -> RecipeForm {
    RecipeForm(read: { try $0.integer(in: range) }, write: { JSONValue($0) })
  }

  /// A size or a count of something.
  static var size: RecipeForm { .integer(in: 1...(1 << 28)) }
  /// A count of sequences, batches or files.
  static var count: RecipeForm { .integer(in: 1...(1 << 24)) }
  /// Blocks of a transformer.
  static var layers: RecipeForm { .integer(in: 0...65536) }

  /// A number of tokens, with its unit.
  static var tokens: RecipeForm {
    RecipeForm(read: { try $0.tokens() }, write: { .duration(.tokens($0)) })
  }

  /// A number of steps, with its unit.
  static var steps: RecipeForm {
    RecipeForm(read: { try $0.steps() }, write: { .duration(.steps($0)) })
  }
}

extension RecipeForm<Double> {
  /// A number, or a share such as 20%, that meets a condition.
  private static func form(
    _ read: @escaping (RecipeValue) throws -> Double
  ) -> RecipeForm { RecipeForm(read: read, write: { JSONValue($0) }) }

  /// A number that meets a condition, which `expected` describes.
  static func number(
    _ expected: String, where condition: @escaping (Double) -> Bool
  ) -> RecipeForm { form { try $0.number(expected, where: condition) } }

  /// A number, or a percentage, that meets a condition, which `expected` describes.
  static func share(
    _ expected: String, where condition: @escaping (Double) -> Bool
  ) -> RecipeForm { form { try $0.fraction(expected, where: condition) } }

  /// A number above zero.
  static var positive: RecipeForm { form { try $0.positiveNumber() } }
}

extension RecipeForm<Bool> {
  /// True or false.
  static var flag: RecipeForm { RecipeForm(read: { try $0.flag() }, write: { .boolean($0) }) }
}

extension RecipeForm<TrainingDuration> {
  /// A duration in some measures.
  static func duration(
    _ measures: RecipeValue.Measures = .any, allowsZero: Bool = false
  ) -> RecipeForm {
    RecipeForm(
      read: { try $0.duration(measures, allowsZero: allowsZero) }, write: { .duration($0) })
  }
}
