// SPDX-License-Identifier: Apache-2.0
import Foundation
import Growth
import OrderedJSON
import Training
import Yams

extension RecipeFile {
  /// A file of a recipe that was built in Swift, with absolute paths.
  ///
  ///     let file = try RecipeFile(recipe)
  ///     #expect(try file.recipe() == recipe)
  ///
  /// What a recipe leaves out has its default there, as if somebody had written it.
  ///
  /// - Throws: ``StagingError`` that names the key where the recipe is none that a file could say, or
  ///   contradicts itself; `TrainingError` for settings that are not sound.
  public init(_ recipe: Recipe, name: String = "recipe.yaml") throws {
    try recipe.training.validate()
    let written = recipe.json
    self.init(
      text: try Yams.serialize(node: Node(yaml: written), width: -1, allowUnicode: true),
      name: name,
      directory: .currentDirectory())
    let read = try self.recipe().json
    guard case .object(let members) = written else { return }
    for member in members.members where read[member.key] != member.value {
      throw StagingError(
        .invalidValue, "holds what no recipe can say: it would be read otherwise than it was built",
        subject: "\(name): \(member.key)")
    }
  }
}

// Each section with all of its keys, so that another version's defaults change nothing.

extension Recipe {
  /// The recipe's keys and values.
  var json: JSONValue {
    .keys(
      [
        ("version", JSONValue(Self.formatVersion)), ("model", model?.json),
        ("tokenizer", tokenizer?.json), ("data", data.json),
      ] + training.keys + [
        ("evaluate", training.evaluation?.json ?? "none"),
        ("checkpoint", training.checkpoint?.json ?? "none"), ("stop", training.stop.json),
        ("noiseScale", training.noiseScale?.json), ("stages", stagesJSON),
      ])
  }

  private var stagesJSON: JSONValue? {
    if let planning { return planning.json }
    guard !stages.isEmpty else { return nil }
    let stages = stages.withLatestMoments(training)
    return .array(
      stages.enumerated().map { index, stage in
        guard case .object(var keys) = stage.json else { return stage.json }
        if index + 1 < stages.count { keys["grow"] = keys["grow"] ?? .keys([]) }
        // Plans leave it out, where it is the default.
        if stage.latest == .never, case .object(var until)? = keys["until"] {
          until["atLatest"] = "none"
          keys["until"] = .object(until)
        }
        return .object(keys)
      })
  }
}

extension TrainingConfiguration {
  /// The keys that decide about the steps of a training, and none that measures, saves or ends it.
  var keys: [(String, JSONValue?)] {
    [
      ("seed", .number("\(seed)")), ("precision", .string(precision.rawValue)),
      ("batch", batch.json), ("optimizer", optimizer.json), ("schedule", schedule.json),
      ("parametrization", parametrization?.json),
      ("onNonFinite", (onNonFinite?.rawValue).map { .string($0) }), ("onSpike", onSpike?.json),
    ]
  }
}

extension Node {
  /// A value in YAML: paths in quotes, words and numbers without.
  fileprivate init(yaml value: JSONValue) {
    switch value {
    case .null: self = .scalar(.init("null", Tag(.null)))
    case .boolean(let value): self = .scalar(.init("\(value)", Tag(.bool)))
    case .number(let spelling): self = .scalar(.init(spelling, Tag(.float)))
    case .string(let text):
      self = .scalar(.init(text, Tag(.str), text.hasPrefix("/") ? .doubleQuoted : .any))
    case .array(let elements):
      self = .sequence(.init(elements.map { Node(yaml: $0) }, Tag(.seq), elements.style))
    case .object(let object):
      self = .mapping(
        .init(
          object.members.map { (Node($0.key, Tag(.str)), Node(yaml: $0.value)) }, Tag(.map),
          object.members.isEmpty ? .flow : .block))
    }
  }
}

extension [JSONValue] {
  /// Numbers stand in one line.
  fileprivate var style: Node.Sequence.Style {
    allSatisfy { if case .number = $0 { true } else { false } } ? .flow : .block
  }
}
