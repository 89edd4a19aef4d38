// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// What grows, and to which sizes.
struct GrowthSizeOptions: ParsableArguments {
  @Option(.width) var width: GrowthArgument?
  @Option(.depth) var depth: GrowthArgument?
  @Option(.layers) var layers: GrowthArgument?
  @Option(.feedForward) var feedForward: GrowthArgument?
  @Option(.heads) var heads: GrowthArgument?
  @Option(.headSize) var headSize: GrowthArgument?
  @Option(.hidden) var hidden: GrowthArgument?
  @Option(.experts) var experts: GrowthArgument?
  @Option(.vocabulary) var vocabulary: GrowthArgument?
  @Option(.context) var context: GrowthArgument?

  @Option(
    help: ArgumentHelp(
      "All that it takes to reach this config.json, instead of single sizes.",
      valueName: "config.json"),
    completion: .file(extensions: ["json"]))
  var to: String?

  var arguments: [GrowthArgument] {
    [
      width, depth, layers, feedForward, heads, headSize, hidden, experts, vocabulary, context,
    ].compactMap { $0 }
  }

  func validate() throws {
    if to != nil, let other = arguments.first {
      throw ValidationError(
        "--to states every size; \(other.parameter.name(.option)) does not go with it.")
    }
  }
}

/// How the growths are done.
struct GrowthMannerOptions: ParsableArguments {
  @Option(.form) var form: GrowthArgument?
  @Option(.block) var block: GrowthArgument?

  @Option(
    name: .customLong("operator"), parsing: .singleValue,
    help: ArgumentHelp(
      "The same as --form or --block, whichever the word is of; may be given once for each.",
      valueName: "form|block"),
    transform: GrowthMannerOptions.formOrBlock)
  var operators: [GrowthArgument] = []

  @Option(.symmetry) var symmetry: GrowthArgument?
  @Option(.noise) var noise: GrowthArgument?
  @Option(.learningRates) var learningRates: GrowthArgument?
  @Option(.units) var units: GrowthArgument?
  @Option(.expertParts) var expertParts: GrowthArgument?
  @Option(.placement) var placement: GrowthArgument?
  @Option(.outputScale) var outputScale: GrowthArgument?
  @Option(.positions) var positions: GrowthArgument?

  var arguments: [GrowthArgument] {
    operators
      + [
        form, block, symmetry, noise, learningRates, units, expertParts, placement, outputScale,
        positions,
      ].compactMap { $0 }
  }

  func validate() throws {
    let twice = [GrowthParameter.form, .block].first { parameter in
      Set(arguments.filter { $0.parameter.name == parameter.name }.map(\.meaning)).count > 1
    }
    guard let name = twice?.name else { return }
    throw ValidationError(
      "--operator and --\(name) name more than one \(name); give one of them.")
  }

  /// Reads a word that belongs to one of two parameters.
  private static func formOrBlock(_ argument: String) throws -> GrowthArgument {
    let parameters = [GrowthParameter.form, .block]
    if let known = parameters.compactMap({ try? GrowthArgument($0, argument) }).first {
      return known
    }
    throw ValidationError(
      "expected "
        + parameters.flatMap(\.choices).map { GrowthParameter.word($0, .option) }
        .joined(separator: ", "))
  }
}

/// What becomes of the training state.
struct GrowthTrainingOptions: ParsableArguments {
  @Option(.moments) var moments: GrowthArgument?
  @Option(.newRate) var newRate: GrowthArgument?
  @Option(.newRateSteps) var newRateSteps: GrowthArgument?
  @Option(.schedule) var schedule: GrowthArgument?
  @Option(.rewarmup) var rewarmup: GrowthArgument?

  var arguments: [GrowthArgument] {
    [moments, newRate, newRateSteps, schedule, rewarmup].compactMap { $0 }
  }
}
