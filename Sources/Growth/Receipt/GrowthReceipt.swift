// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training

/// What was done to make a grown model: `growth.json` in its directory.
///
/// The plans, the options and the small model are enough to make every tensor again bit for bit; the
/// list of tensors says for people and other programs where each number came from.
public struct GrowthReceipt: Sendable, Hashable {
  /// The file's name in a grown directory.
  public static let fileName = "growth.json"
  /// The version that this library writes, and the only one that it reads.
  public static let formatVersion = 1

  /// The growths in order.
  public var steps: [Step]
  /// How they were done, to which checkpoint, with which seed.
  public var options: GrowthOptions
  /// Optimizer steps that the small model had taken; nil for weights alone.
  public var step: Int?
  /// What made the grown model.
  public var versions: Versions
  /// The files that were read and written; nil where the growth was done in memory.
  public var files: Files?

  /// The tensors' files, and how numbers came into them.
  public struct Files: Sendable, Hashable, Codable {
    /// The type that all weights were given; nil where each kept its own.
    public var type: DType?
    /// How numbers were rounded.
    public var rounding: WeightRounding
    /// Patterns of names of the only tensors that were written; nil for all.
    public var only: [String]?
    /// SHA-256 of each file that was read, by its name.
    public var source: [String: String]
    /// SHA-256 of each file that was written, by its name.
    public var result: [String: String]
  }

  /// One growth with what it made of each tensor.
  public struct Step: Sendable, Hashable, Codable {
    /// The growth.
    public var plan: GrowthPlan
    /// The grown model's tensors in the order of its program.
    public var tensors: [Tensor]
  }

  /// What decides about the bits of a growth, beside its plans.
  public struct Versions: Sendable, Hashable, Codable {
    /// The program.
    public var espalier: String
    /// The streams of random numbers; another number means other noise from the same seed.
    public var randomNumbers: Int

    /// This program's versions.
    public static let current = Versions(
      espalier: ProgramVersion.current, randomNumbers: 1)
  }

  /// A receipt of growths.
  ///
  /// - Throws: ``GrowthError`` where the plans do not fit each other.
  public init(_ plans: [GrowthPlan], options: GrowthOptions, step: Int? = nil) throws {
    if let first = plans.first { try plans.check(from: first.source) }
    steps = try plans.map { Step(plan: $0, tensors: try $0.describedTensors()) }
    self.options = options
    self.step = step
    versions = .current
  }

  /// The growths, to be applied to the small model once more.
  public var plans: [GrowthPlan] { steps.map(\.plan) }

  /// What was done, for people.
  public var operation: String { plans.operation }

  /// What all steps promise.
  public var guarantees: Guarantees { plans.guarantees }

  /// The small model.
  public var source: ModelConfiguration? { steps.first?.plan.source }

  /// The grown model.
  public var target: ModelConfiguration? { steps.last?.plan.target }
}

extension [GrowthPlan] {
  /// What is done, for people: the steps joined by “then”.
  public var operation: String { map(\.operation).joined(separator: ", then ") }

  /// What all steps promise, but for what they lose together.
  public var guarantees: Guarantees {
    reduce(Set(Guarantee.allCases)) { $0.intersection($1.guarantees) }.subtracting(lostTogether)
  }
}

extension GrowthPlan {
  /// How each tensor comes about, by names.
  func describedTensors() throws -> [GrowthReceipt.Tensor] {
    let small = try source.program().parameters
    return try tensors().map { growth in
      GrowthReceipt.Tensor(growth, source: growth.source.map { small[$0].name })
    }
  }
}
