// SPDX-License-Identifier: Apache-2.0
import Growth
import OrderedJSON

// A stage's `grow`, whose keys are the parameters of growths.

extension GrowthDescription {
  /// The keys of a recipe's `grow`.
  static let keys = parameters.map(\.name)

  init(_ value: RecipeValue) throws {
    let keys = try value.mapping(keys: Self.keys + Self.parameters.flatMap(\.aliases))
    self.init()
    for parameter in Self.parameters {
      let values = ([parameter.name] + parameter.aliases).compactMap { keys[$0] }
      guard let value = values.first else { continue }
      if let other = values.dropFirst().first {
        throw other.conflict("this is said twice, as \(parameter.name) too; remove one of them")
      }
      try value.read(parameter, into: &self)
    }
    if let conflict = conflict(.key) {
      throw (keys[conflict.parameter.name] ?? value).conflict(conflict.message)
    }
  }

  /// The description as a recipe says it.
  var json: JSONValue {
    .object(
      JSONObject(
        Self.parameters.compactMap { parameter in
          parameter.written(in: self).map { .init(key: parameter.name, value: JSONValue($0)) }
        }))
  }
}

extension RecipeValue {
  /// Takes over a parameter of a growth, or notes what is wrong with it.
  fileprivate func read(
    _ parameter: GrowthParameter, into description: inout GrowthDescription
  ) throws {
    let expected = parameter.expected(.key)
    guard let written else { return try note(badElement ?? mismatch(expected)) }
    guard !parameter.set(written, in: &description) else { return }
    if let badElement { return try note(badElement) }
    if let complaint = parameter.complaint(of: written, .key) {
      return try note(conflict(complaint))
    }
    guard case .word(let word) = written else { return try note(invalid(expected)) }
    guard !parameter.choices.isEmpty else { return try note(mismatch(expected)) }
    try note(
      invalid(
        expected, meant: NearestName.of(String(word.prefix(64)), among: parameter.choices)))
  }

  /// What is wrong with the first element of a list that cannot be a layer; nil where all can.
  private var badElement: StagingError? {
    let layers = 0...65535
    let expected = "the number of a layer, \(layers.lowerBound) to \(layers.upperBound)"
    for element in elements {
      guard let number = element.wholeNumberIfWellFormed else { return element.mismatch(expected) }
      if !layers.contains(number) { return element.invalid(expected) }
    }
    return nil
  }

  /// The value before anybody knows what it is for; nil for keys, lists of other than whole numbers, and
  /// nothing.
  private var written: WrittenValue? {
    if isList {
      let values = elements.map { $0.wholeNumberIfWellFormed }
      return values.contains(nil) ? nil : .list(values.compactMap { $0 })
    }
    if let integer = wholeNumberIfWellFormed { return .integer(integer) }
    if let number = numberIfWellFormed { return .number(number) }
    return textIfWellFormed.map { .word($0) }
  }
}

extension JSONValue {
  fileprivate init(_ written: WrittenValue) {
    switch written {
    case .integer(let value): self = JSONValue(value)
    case .number(let value): self = JSONValue(value)
    case .word(let word): self = .string(word)
    case .list(let values): self = .array(values.map { JSONValue($0) })
    }
  }
}
