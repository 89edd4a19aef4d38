// SPDX-License-Identifier: Apache-2.0

/// A difference between runs that makes a comparison of their losses or costs mean nothing.
public struct Incomparability: Sendable, Hashable, Encodable {
  /// The kind of difference.
  public enum Kind: String, Sendable, Hashable, CaseIterable, Encodable {
    /// A run's log contradicts itself or the run's checkpoints.
    case log
    /// Losses are measured on other text.
    case validationData
    /// Models are trained on other text.
    case trainingData
    /// Tokens are other pieces of text, so that nats per token are another unit.
    case tokenizer
    /// It is not known what a run was trained on.
    case unknownData
    /// Learning rates have fallen to different shares of their peaks.
    case decay
    /// The models are not the same at the end.
    case model
  }
  /// The kind of difference.
  public var kind: Kind
  /// The runs and what differs, for people.
  public var message: String

  /// Finds all differences among runs.
  public static func among(_ runs: [ReportedRun]) -> [Incomparability] {
    runs.compactMap(log)
      + [
        unknownData(runs), tokenizer(runs), trainingData(runs), validationData(runs), model(runs),
        decay(runs),
      ].compactMap { $0 }
  }

  private static func log(_ run: ReportedRun) -> Incomparability? {
    guard let first = run.logProblems.first else { return nil }
    let more = run.logProblems.count > 1 ? " (and \(run.logProblems.count - 1) more)" : ""
    return Incomparability(
      kind: .log, message: "the log of \(run.name) cannot be believed: \(first)\(more)")
  }

  private static func unknownData(_ runs: [ReportedRun]) -> Incomparability? {
    let unknown = runs.filter { $0.data == nil }.map(\.name)
    guard !unknown.isEmpty else { return nil }
    return Incomparability(
      kind: .unknownData,
      message: "the tokens of \(unknown.joined(separator: ", ")) are not where the recipe says")
  }

  private static func tokenizer(_ runs: [ReportedRun]) -> Incomparability? {
    difference(runs, .tokenizer, in: "tokenizers", { $0.data?.tokenizer })
  }

  private static func trainingData(_ runs: [ReportedRun]) -> Incomparability? {
    difference(runs, .trainingData, in: "training tokens", { $0.data?.training })
  }

  private static func validationData(_ runs: [ReportedRun]) -> Incomparability? {
    difference(
      runs, .validationData, in: "validation tokens", { $0.data.map { $0.validation ?? "" } })
  }

  private static func model(_ runs: [ReportedRun]) -> Incomparability? {
    difference(runs, .model, in: "models", { $0.model?.description }, showsValues: true)
  }

  /// Names the first run that differs from the first that has the part.
  private static func difference(
    _ runs: [ReportedRun], _ kind: Kind, in what: String, _ part: (ReportedRun) -> String?,
    showsValues: Bool = false
  ) -> Incomparability? {
    let known = runs.compactMap { run in part(run).map { (run.name, $0) } }
    guard let first = known.first, let other = known.first(where: { $0.1 != first.1 }) else {
      return nil
    }
    let values = showsValues ? ": \(first.1) and \(other.1)" : ""
    return Incomparability(
      kind: kind, message: "\(first.0) and \(other.0) have different \(what)\(values)")
  }

  /// Learning rates within this share of the peak of each other count as equally decayed.
  static let decayTolerance = 0.05

  private static func decay(_ runs: [ReportedRun]) -> Incomparability? {
    guard let first = runs.first,
      let other = runs.dropFirst().first(where: { !areAlike(first.decay, $0.decay) })
    else { return nil }
    let states =
      "\(first.name) is \(first.decay.description), \(other.name) is \(other.decay.description)"
    return Incomparability(
      kind: .decay,
      message: "the learning rates have not fallen equally far: \(states)")
  }

  private static func areAlike(_ left: LearningRateDecay, _ right: LearningRateDecay) -> Bool {
    switch (left, right) {
    case (.constant, .constant), (.complete, .complete): true
    // The stable part of warm-up, stable, decay is as good as a constant rate.
    case (.constant, .partial(let share)), (.partial(let share), .constant):
      1 - share <= decayTolerance
    case (.partial(let left), .partial(let right)): abs(left - right) <= decayTolerance
    default: false
    }
  }
}
