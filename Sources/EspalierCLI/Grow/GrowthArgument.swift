// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// What the command line says of one parameter of a growth.
struct GrowthArgument {
  let parameter: GrowthParameter
  let value: WrittenValue

  /// The value as files have it, however it was spelled.
  var meaning: WrittenValue? {
    var description = GrowthDescription()
    _ = parameter.set(value, in: &description)
    return parameter.written(in: description)
  }

  /// Reads the argument of a parameter's option.
  ///
  /// - Throws: `ValidationError` that says what the option takes.
  init(_ parameter: GrowthParameter, _ argument: String) throws {
    self.parameter = parameter
    value = WrittenValue(argument: argument)
    var description = GrowthDescription()
    guard parameter.set(value, in: &description) else {
      throw ValidationError(
        parameter.complaint(of: value, .option) ?? "expected \(parameter.expected(.option))")
    }
  }
}

extension Option where Value == GrowthArgument? {
  /// The option of a parameter, under all its names, with its help.
  init(_ parameter: GrowthParameter) {
    let names = [parameter.name] + parameter.aliases
    self.init(
      name: NameSpecification(names.map { .customLong(GrowthParameter.word($0, .option)) }),
      parsing: .unconditional,
      help: ArgumentHelp(parameter.help, valueName: parameter.valueName),
      completion: parameter.choices.isEmpty
        ? nil : .list(parameter.choices.map { GrowthParameter.word($0, .option) }),
      transform: { try GrowthArgument(parameter, $0) })
  }
}

extension GrowthParameter {
  /// The sentence of its help, with the default.
  fileprivate var help: String {
    guard let defaultValue else { return summary }
    return "\(summary) Default \(GrowthParameter.word(defaultValue.text, .option))."
  }

  /// What stands for its value.
  fileprivate var valueName: String {
    guard choices.isEmpty else {
      return choices.map { GrowthParameter.word($0, .option) }.joined(separator: "|")
    }
    return placeholder ?? GrowthParameter.word(name, .option)
  }
}
