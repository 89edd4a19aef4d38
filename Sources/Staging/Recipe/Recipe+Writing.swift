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

extension ModelRecipe {
  fileprivate var json: JSONValue {
    .keys([
      ("architecture", .string(architecture.rawValue)), ("layers", JSONValue(layerCount)),
      ("hidden", JSONValue(hiddenSize)), ("heads", JSONValue(headCount)),
      ("context", JSONValue(contextLength)), ("vocabulary", vocabularySize.map { JSONValue($0) }),
      ("keyValueHeads", keyValueHeadCount.map { JSONValue($0) }),
      ("headSize", headSize.map { JSONValue($0) }),
      ("intermediate", intermediateSize.map { JSONValue($0) }),
      ("tieHead", tiesHead.map { .boolean($0) }),
      (
        "dropout",
        .keys([
          ("embedding", JSONValue(dropout.embedding)), ("attention", JSONValue(dropout.attention)),
          ("residual", JSONValue(dropout.residual)),
        ])
      ), ("ropeBase", rotaryBase.map { JSONValue($0) }), ("normEpsilon", JSONValue(normEpsilon)),
    ])
  }
}

extension TokenizerRecipe {
  fileprivate var json: JSONValue {
    switch self {
    case .bytePairs(let size): .keys([("kind", "bpe"), ("vocabulary", JSONValue(size))])
    case .file(let url): .keys([("kind", "file"), ("path", .file(url))])
    case .bytes: .keys([("kind", "bytes")])
    }
  }
}

extension DataRecipe {
  fileprivate var json: JSONValue {
    let order = JSONValue.string(order.rawValue)
    switch source {
    case .prepared(let url): return .keys([("prepared", .file(url)), ("order", order)])
    case .texts(let training, let validation):
      let validation: JSONValue =
        switch validation {
        case .none: "none"
        case .fraction(let share): .keys([("fraction", JSONValue(share))])
        case .files(let urls): .keys([("files", .files(urls))])
        }
      return .keys([("train", .files(training)), ("validation", validation), ("order", order)])
    }
  }
}

extension BatchConfiguration {
  fileprivate var json: JSONValue {
    .keys([
      ("sequences", JSONValue(sequences)), ("accumulate", JSONValue(accumulate)),
      ("warmup", sequencesWarmup?.json), ("sequenceLength", sequenceLengthWarmup?.json),
    ])
  }
}

extension BatchConfiguration.Warmup {
  fileprivate var json: JSONValue {
    .keys([("from", JSONValue(start)), ("over", .duration(.tokens(tokens)))])
  }
}

extension OptimizerConfiguration {
  fileprivate var json: JSONValue {
    var keys: [(String, JSONValue?)] = [
      ("kind", .string(kind.rawValue)), ("beta1", JSONValue(adamW.beta1)),
      ("beta2", JSONValue(adamW.beta2)), ("epsilon", JSONValue(adamW.epsilon)),
      ("weightDecay", JSONValue(adamW.weightDecay)),
      ("clip", adamW.clip.map { JSONValue($0) } ?? "none"),
      ("decayRule", .string(adamW.decayRule.rawValue)),
    ]
    if case .muon(let muon) = self {
      keys += [
        ("momentum", JSONValue(muon.momentum)), ("nesterov", .boolean(muon.nesterov)),
        ("iterations", JSONValue(muon.iterations)),
      ]
    }
    return .keys(keys)
  }
}

extension LearningRateSchedule {
  fileprivate var json: JSONValue {
    let usual = LearningRateSchedule(peak: peak, total: nil)
    // Only a wsd schedule has them; in others, what is not usual is refused when it is read.
    let isWSD = kind == .wsd
    let length: JSONValue =
      switch decay {
      case .share(let share): JSONValue(share)
      case .duration(let duration): .duration(duration)
      }
    return .keys([
      ("kind", .string(kind.rawValue)), ("peak", JSONValue(peak)), ("warmup", .duration(warmup)),
      ("total", total.map { .duration($0) }), ("floor", JSONValue(floor)),
      ("decay", isWSD || decay != usual.decay ? length : nil),
      (
        "decayShape",
        isWSD || decayShape != usual.decayShape ? .string(decayShape.rawValue) : nil
      ),
    ])
  }
}

extension MaximalUpdateParametrization {
  fileprivate var json: JSONValue {
    .keys([("kind", "mup"), ("base", .keys(base.named.map { ($0.name, JSONValue($0.size)) }))])
  }
}

extension EvaluationConfiguration {
  fileprivate var json: JSONValue {
    let amount: (String, JSONValue?) =
      switch amount {
      case .batches(let count): ("batches", JSONValue(count))
      case .all: ("tokens", "all")
      case .tokens(let count): ("tokens", .duration(.tokens(count)))
      }
    return .keys([("every", .duration(every)), amount])
  }
}

extension CheckpointConfiguration {
  fileprivate var json: JSONValue {
    .keys([("every", .duration(every)), ("keep", keep.map { JSONValue($0) } ?? "all")])
  }
}

extension StopConditions {
  fileprivate var json: JSONValue {
    .keys([
      ("after", after.map { .duration($0) }), ("loss", loss.map { JSONValue($0) }),
      ("lossKind", .string(lossKind.rawValue)),
    ])
  }
}

extension TrainingConfiguration.SpikePolicy {
  fileprivate var json: JSONValue {
    .keys([
      ("factor", JSONValue(factor)), ("window", JSONValue(window)),
      ("action", .string(action.rawValue)),
    ])
  }
}

extension NoiseScaleConfiguration {
  fileprivate var json: JSONValue {
    .keys([("every", .duration(.steps(every))), ("smoothing", JSONValue(smoothing))])
  }
}

extension StagePlanning {
  fileprivate var json: JSONValue {
    switch self {
    case .plan(let url): .keys([("plan", .file(url))])
    case .lateExpansion(let request):
      .keys([
        (
          "lateExpansion",
          .keys([
            ("layers", JSONValue(request.layerCount)),
            ("share", request.share.map { JSONValue($0) }),
          ])
        )
      ])
    case .automatic(let request): .keys([("auto", request.json)])
    }
  }
}

extension AutomaticStages {
  fileprivate var json: JSONValue {
    var keys: [(String, JSONValue?)] = [("stages", JSONValue(mostStages))]
    switch law {
    case .kaplan: keys.append(("laws", "kaplan"))
    case .fit(let runs, let firstStep, let irreducible):
      keys += [
        ("fit", .files(runs)), ("firstStep", JSONValue(firstStep)),
        ("irreducible", .boolean(irreducible)),
      ]
    }
    switch goal {
    case .runLength: break
    case .loss(let loss): keys.append(("loss", JSONValue(loss)))
    case .compute(let amount): keys.append(("compute", .duration(.floatingPointOperations(amount))))
    }
    return .keys(keys)
  }
}

extension JSONValue {
  /// The keys that have a value, in their order.
  fileprivate static func keys(_ keys: [(String, JSONValue?)]) -> JSONValue {
    .object(JSONObject(keys.compactMap { key, value in value.map { .init(key: key, value: $0) } }))
  }

  fileprivate static func duration(_ duration: TrainingDuration) -> JSONValue {
    .string(duration.description)
  }

  /// A path that no recipe's directory changes.
  fileprivate static func file(_ url: URL) -> JSONValue {
    .string(url.absoluteURL.standardizedFileURL.path(percentEncoded: false))
  }

  fileprivate static func files(_ urls: [URL]) -> JSONValue { .array(urls.map { .file($0) }) }
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
