// SPDX-License-Identifier: Apache-2.0
import Training

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
    (try? text("")).flatMap { TrainingDuration($0) }
  }

  /// A duration above zero, or from zero for those that may be left out.
  func duration(_ measures: Measures, allowsZero: Bool = false) throws -> TrainingDuration {
    guard let duration = durationIfWellFormed else { throw mismatch(measures.expected) }
    guard duration.amount > 0 || allowsZero else { throw invalid("a duration above 0") }
    guard measures == .any || duration.measure != .seconds else {
      throw invalid(measures.expected)
    }
    return duration
  }

  /// A number of tokens.
  func tokens() throws -> Int {
    guard case .tokens(let count)? = durationIfWellFormed else {
      throw mismatch("a number of tokens, such as 2M tokens")
    }
    guard count > 0 else { throw invalid("a number of tokens above 0") }
    return count
  }

  /// A number of steps.
  func steps() throws -> Int {
    guard case .steps(let count)? = durationIfWellFormed else {
      throw mismatch("a number of steps, such as 50 steps")
    }
    guard count > 0 else { throw invalid("a number of steps above 0") }
    return count
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
    guard let key = keys.first, let mapping = node.mapping,
      let member = mapping.first(where: { $0.key.scalar?.string == key })
    else { return self }
    return RecipeValue(document: document, path: path + [key], node: member.value)
      .nearest(keys.dropFirst())
  }
}
