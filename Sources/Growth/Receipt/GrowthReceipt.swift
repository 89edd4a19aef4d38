// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents
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

  /// The growths, with how they were done, to which checkpoint, with which seed.
  public var path: GrowthPath
  /// Optimizer steps that the small model had taken; nil for weights alone.
  public var step: Int?
  /// What the growths promise of that training, or of the weights alone.
  public let guarantees: Guarantees
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

  /// A receipt of the growths of a training state.
  ///
  /// - Parameter status: where the small model stood in its training; nil for weights alone.
  public init(_ path: GrowthPath, of status: TrainingStatus?) {
    self.init(path, step: status?.progress.steps, under: status?.training.optimizer)
  }

  /// A receipt of growths.
  ///
  /// - Parameters:
  ///   - step: optimizer steps that the small model had taken; nil for weights alone.
  ///   - optimizer: what trains on; nil where nothing does.
  public init(
    _ path: GrowthPath, step: Int? = nil, under optimizer: OptimizerConfiguration? = nil
  ) {
    self.path = path
    self.step = step
    guarantees = path.guarantees(hasMoments: step ?? 0 > 0, under: optimizer)
    versions = .current
  }

  /// The growths in order, each with what it made of each tensor.
  public var steps: [Step] { path.steps.map { Step($0) } }

  /// How they were done.
  public var options: GrowthOptions { path.options }
}

extension GrowthReceipt.Step {
  /// A step with its tensors by their names.
  init(_ step: GrowthPath.Step) {
    plan = step.plan
    tensors = step.tensors.map { growth in
      GrowthReceipt.Tensor(growth, source: growth.source.map { step.sourceParameters[$0].name })
    }
  }
}

/// The steps follow each other, and their tensors are what they make; the operation is there to be read by
/// people.
extension GrowthReceipt: FieldCoded {
  package init(_ fields: FieldCoder, of old: GrowthReceipt?) throws {
    try fields.remark("formatVersion", Self.formatVersion)
    try fields.remark("operation", old?.path.operation)
    let listed = try fields.optional("guarantees", old?.guarantees.inOrder.map(\.rawValue))
    let steps = try fields.required("steps", old?.steps)
    let options = try fields.required("options", old?.options)
    let parametrization = try fields.optional("parametrization", old?.path.parametrization)
    step = try fields.optional("step", old?.step)
    versions = try fields.required("versions", old?.versions)
    files = try fields.optional("files", old?.files)
    path =
      try old?.path
      ?? Self.path(
        steps, options: options, parametrization: parametrization, versions: versions)
    // Never more than the steps do, whatever the file says.
    let kept = path.guarantees(hasMoments: step ?? 0 > 0, under: nil)
    guarantees =
      old?.guarantees
      ?? listed.map { kept.intersection($0.compactMap(Guarantee.init(rawValue:))) } ?? kept
  }

  private static func path(
    _ steps: [Step], options: GrowthOptions,
    parametrization: MaximalUpdateParametrization?, versions: Versions
  ) throws -> GrowthPath {
    try GrowthError.check(!steps.isEmpty, .mismatch, subject: fileName, "holds no growth")
    try options.validate()
    try GrowthError.check(
      steps.count <= mostSteps, .mismatch, subject: fileName,
      "holds \(steps.count) growths; expected at most \(mostSteps)")
    let path = try GrowthPath(
      steps.map(\.plan), options: options, parametrization: parametrization)
    for (made, step) in zip(path.steps, steps) {
      try GrowthError.check(
        Step(made).tensors == step.tensors, .mismatch, subject: step.plan.operation,
        "its list of tensors is not what the growth makes; the receipt was changed, or another "
          + "version (\(versions.espalier)) wrote it")
    }
    return path
  }

  private static let mostSteps = 64
}
