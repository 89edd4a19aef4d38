// SPDX-License-Identifier: Apache-2.0
import Training
import Yams

extension RecipeValue {
  /// The measures that a duration may have.
  enum Measures {
    /// Steps, tokens, FLOPs.
    case work
    /// Those and wall time.
    case any

    var expected: String {
      switch self {
      case .work: "a number of steps, tokens or FLOPs, such as 200 steps or 20M tokens"
      case .any: "a duration, such as 200 steps, 20M tokens, 1.5e15 FLOPs or 90 minutes"
      }
    }
  }

  /// The duration that the text says; nil where it says none.
  var durationIfWellFormed: TrainingDuration? {
    textIfWellFormed.flatMap { TrainingDuration($0) }
  }

  /// A duration above zero, or from zero for those that may be left out.
  func duration(_ measures: Measures, allowsZero: Bool = false) throws -> TrainingDuration {
    let some = TrainingDuration.steps(1)
    guard let duration = durationIfWellFormed else {
      try note(mismatch(measures.expected))
      return some
    }
    guard duration.amount > 0 || allowsZero else {
      try note(invalid("a duration above 0"))
      return some
    }
    guard measures == .any || duration.measure != .seconds else {
      try note(invalid(measures.expected))
      return some
    }
    return duration
  }

  /// A number of tokens.
  func tokens() throws -> Int {
    guard case .tokens(let count)? = durationIfWellFormed else {
      try note(mismatch("a number of tokens, such as 2M tokens"))
      return 1
    }
    if count <= 0 { try note(invalid("a number of tokens above 0")) }
    return max(1, count)
  }

  /// A number of steps.
  func steps() throws -> Int {
    guard case .steps(let count)? = durationIfWellFormed else {
      try note(mismatch("a number of steps, such as 50 steps"))
      return 1
    }
    if count <= 0 { try note(invalid("a number of steps above 0")) }
    return max(1, count)
  }

  /// Runs a configuration's own checks and places what they find at the recipe's key.
  func checking(_ checks: () throws -> Void) throws {
    do {
      try checks()
    } catch let error as TrainingError {
      let keys = error.subject.split(separator: ".").map {
        Self.recipeKeys[String($0)] ?? String($0)
      }
      throw nearest(keys[...]).conflict(error.message)
    }
  }

  /// What the recipe calls a configuration's fields.
  private static let recipeKeys = [
    "sequencesWarmup": "warmup", "sequenceLengthWarmup": "sequenceLength", "start": "from",
    "tokens": "over",
  ]

  /// The value at a key path below this one, or its nearest ancestor that is there.
  func nearest(_ keys: ArraySlice<String>) -> RecipeValue {
    guard let key = keys.first, let member = member(key) else { return self }
    return RecipeValue(document: document, path: path + [key], node: member)
      .nearest(keys.dropFirst())
  }

  /// The value at a key path as people write it, as `stages[1].grow.heads`, or its nearest ancestor that is
  /// there.
  func nearest(_ path: String) -> RecipeValue {
    let keys = path.split(separator: ".").flatMap { part in
      guard let bracket = part.firstIndex(of: "[") else { return [String(part)] }
      return [String(part[..<bracket]), String(part[bracket...])]
    }
    return nearest(keys[...])
  }

  /// The node of a key, or of an element `[3]` of a list.
  private func member(_ key: String) -> Node? {
    if let sequence = node.sequence, key.hasPrefix("["), let index = Int(key.dropFirst().dropLast())
    {
      return sequence.indices.contains(index) ? sequence[index] : nil
    }
    return node.mapping?.first { $0.key.scalar?.string == key }?.value
  }
}
