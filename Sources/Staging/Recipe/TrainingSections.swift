// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Training

// The recipe's sections that configure training, in the order of the file. Defaults stand in the
// configurations themselves.

extension BatchConfiguration: RecipeSection {
  static let blank = BatchConfiguration(sequences: 1)

  static var fields: [RecipeField<Self>] {
    [
      .field("sequences", \.sequences, .count, required: "the sequences of a micro-batch"),
      .field("accumulate", \.accumulate, .count),
      .optional("warmup", \.sequencesWarmup, .section),
      .optional("sequenceLength", \.sequenceLengthWarmup, .section),
    ]
  }
}

extension BatchConfiguration.Warmup: RecipeSection {
  static let blank = BatchConfiguration.Warmup(start: 1, tokens: 1)

  static var fields: [RecipeField<Self>] {
    [
      .field("from", \.start, .count, required: "the value at the start"),
      .field("over", \.tokens, .tokens, required: "a number of tokens, such as 2M tokens"),
    ]
  }
}

extension OptimizerConfiguration {
  init(_ value: RecipeValue) throws {
    let all = try value.mapping(keys: Self.keys)
    let words = Self.known.map { $0.key }
    let word = try all[Self.kindKey]?.word(of: words) ?? words[0]
    self.init(Self.known.first { $0.key == word } ?? Self.known[0])
    for key in Self.keys where key != Self.kindKey && !settings.contains(where: { $0.key == key }) {
      guard let value = all[key] else { continue }
      let owners = Self.owners(of: key)
      throw value.conflict(
        "belongs to \(owners.map { $0.name }.joined(separator: " and ")); write kind: "
          + owners.map { $0.key }.joined(separator: " or "))
    }
    for (key, form, _) in settings {
      if let value = all[key] { set(key, try value.setting(form)) }
    }
  }

  var json: JSONValue {
    .keys([(Self.kindKey, .string(key))] + settings.map { ($0.key, JSONValue($0.value)) })
  }
}

extension RecipeValue {
  /// The value of a setting.
  fileprivate func setting(_ form: SettingForm) throws -> SettingValue {
    switch form {
    case .number(let limits):
      .number(try number(form.expected) { limits.contains($0) })
    case .optionalNumber(let limits):
      isWord("none") ? .none : .number(try number(form.expected) { limits.contains($0) })
    case .integer(let range): .integer(try integer(in: range))
    case .flag: .flag(try flag())
    case .word(let words): .word(try word(of: words))
    }
  }
}

extension JSONValue {
  fileprivate init(_ value: SettingValue) {
    switch value {
    case .number(let number): self = JSONValue(number)
    case .integer(let integer): self = JSONValue(integer)
    case .flag(let flag): self = .boolean(flag)
    case .word(let word): self = .string(word)
    case .none: self = "none"
    }
  }
}

extension LearningRateSchedule: RecipeSection {
  static let blank = LearningRateSchedule(peak: 1, total: nil)

  static var fields: [RecipeField<Self>] {
    [
      .field("kind", \.kind, .word, required: RecipeForm<Kind>.words),
      .field("peak", \.peak, .positive, required: "the highest learning rate"),
      .field("warmup", \.warmup, .duration(.work, allowsZero: true)),
      .optional("total", \.total, .duration(.work)),
      .field(
        "floor", \.floor, .share("a share of the peak from 0 to 1") { (0...1).contains($0) }),
      ofDecay(.field("decay", \.decay, .decayLength)),
      ofDecay(.field("decayShape", \.decayShape, .word)),
    ]
  }

  private static func ofDecay(_ field: RecipeField<Self>) -> RecipeField<Self> {
    field.only(
      where: { $0.kind == .wsd },
      "only a wsd schedule has \(field.key); remove it, or use kind: wsd")
  }

  /// - Parameter stop: when the run ends, which is where a schedule does that says nothing else.
  init(_ value: RecipeValue, stop: StopConditions?) throws {
    let keys: RecipeMapping
    (self, keys) = try Self.read(value)
    guard total == nil, kind != .constant else { return }
    if let after = stop?.after, after.measure != .seconds {
      total = after
    } else {
      total = try keys.required("total", "a number of steps, tokens or FLOPs, such as 20M tokens")
        .duration(.work)
    }
  }
}

extension RecipeForm<LearningRateSchedule.DecayLength> {
  fileprivate static var decayLength: RecipeForm {
    RecipeForm { value in
      if let duration = value.durationIfWellFormed, duration.measure != .seconds {
        return .duration(duration)
      }
      return .share(
        try value.fraction("a share of the total such as 20%, or a duration such as 500 steps") {
          (0...1).contains($0)
        })
    } write: {
      switch $0 {
      case .share(let share): JSONValue(share)
      case .duration(let duration): .duration(duration)
      }
    }
  }
}

extension EvaluationConfiguration: RecipeSection {
  static let blank = EvaluationConfiguration()

  static var fields: [RecipeField<Self>] {
    [
      .field("every", \.every, .duration()),
      RecipeField(
        key: "batches",
        read: { $1.amount = .batches(try RecipeForm<Int>.count.read($0)) },
        write: { if case .batches(let count) = $0.amount { JSONValue(count) } else { nil } }),
      RecipeField(key: "tokens", read: { try $1.readTokens($0) }, write: \.tokens),
    ]
  }

  init(_ value: RecipeValue) throws {
    let keys: RecipeMapping
    (self, keys) = try Self.read(value)
    if let batches = keys["batches"], keys["tokens"] != nil {
      throw batches.conflict("batches and tokens exclude each other; keep one")
    }
  }

  private mutating func readTokens(_ value: RecipeValue) throws {
    if value.isWord("all") {
      amount = .all
    } else if case .tokens(let count)? = value.durationIfWellFormed, count > 0 {
      amount = .tokens(count)
    } else {
      throw value.mismatch("a number of tokens, such as 200k tokens, or all")
    }
  }

  private var tokens: JSONValue? {
    switch amount {
    case .batches: nil
    case .all: "all"
    case .tokens(let count): .duration(.tokens(count))
    }
  }
}

extension TrainingConfiguration.SpikePolicy: RecipeSection {
  static let blank = TrainingConfiguration.SpikePolicy(action: .stop)

  static var fields: [RecipeField<Self>] {
    [
      .field("factor", \.factor, .number("a number above 1") { $0 > 1 }),
      .field("window", \.window, length),
      .field("action", \.action, .word, required: "skip, rollback or stop"),
    ]
  }

  /// A number of steps, with or without its unit.
  private static var length: RecipeForm<Int> {
    var form = RecipeForm<Int>.integer(in: windows)
    form.read = { [read = form.read] value in
      if case .steps(let count)? = value.durationIfWellFormed, windows.contains(count) {
        return count
      }
      return try read(value)
    }
    return form
  }
}

extension CheckpointConfiguration: RecipeSection {
  static let blank = CheckpointConfiguration()

  static var fields: [RecipeField<Self>] {
    [
      .field("every", \.every, .duration()),
      .optional("keep", \.keep, .count, none: "all"),
    ]
  }
}

extension StopConditions: RecipeSection {
  static let blank = StopConditions(after: nil)

  static var fields: [RecipeField<Self>] {
    [
      .optional("after", \.after, .duration()),
      // Where it counts from is known when a run begins, which then has `after`.
      RecipeField(key: "further", read: { _, _ in }, write: { _ in nil }),
      .optional("loss", \.loss, .positive),
      .field("lossKind", \.lossKind, .word),
    ]
  }

  /// - Parameter began: how far the training had come that the run goes on with, where `further`
  ///   counts from.
  init(_ value: RecipeValue, began: TrainingProgress) throws {
    let keys: RecipeMapping
    (self, keys) = try Self.read(value)
    guard keys["after"] != nil || keys["further"] != nil || keys["loss"] != nil else {
      throw value.mismatch("after: a duration, loss: a number, or both")
    }
    guard let further = keys["further"] else { return }
    guard keys["after"] == nil else {
      throw further.conflict(
        "after counts from the first step of all and further from where the run began; keep one")
    }
    after = try further.duration(.any).plus(began)
  }
}

extension NoiseScaleConfiguration: RecipeSection {
  static let blank = NoiseScaleConfiguration()

  static var fields: [RecipeField<Self>] {
    [
      .field("every", \.every, .steps),
      .field(
        "smoothing", \.smoothing, .number("a number from 0 to below 1") { (0..<1).contains($0) }),
    ]
  }
}
