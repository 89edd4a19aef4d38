// SPDX-License-Identifier: Apache-2.0

extension GrowthReceipt: Codable {
  private enum Key: String, CodingKey {
    case formatVersion, operation, guarantees, options, step, versions, steps, files
  }

  /// Reads a receipt and checks that the steps follow each other and that their tensors are what they
  /// make.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch`; the errors of Architectures for a model that
  ///   contradicts itself.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let steps = try container.decode([Step].self, forKey: .steps)
    let options = try container.decode(GrowthOptions.self, forKey: .options)
    step = try container.decodeIfPresent(Int.self, forKey: .step)
    versions = try container.decode(Versions.self, forKey: .versions)
    files = try container.decodeIfPresent(Files.self, forKey: .files)
    path = try Self.path(steps, options, versions)
  }

  /// Writes a receipt; operation and guarantees are there to be read, the steps are what counts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(Self.formatVersion, forKey: .formatVersion)
    try container.encode(path.operation, forKey: .operation)
    try container.encode(path.guarantees.inOrder, forKey: .guarantees)
    try container.encode(options, forKey: .options)
    try container.encodeIfPresent(step, forKey: .step)
    try container.encode(versions, forKey: .versions)
    try container.encodeIfPresent(files, forKey: .files)
    try container.encode(steps, forKey: .steps)
  }

  private static func path(
    _ steps: [Step], _ options: GrowthOptions, _ versions: Versions
  ) throws -> GrowthPath {
    try GrowthError.check(!steps.isEmpty, .mismatch, fileName, "holds no growth")
    try options.validate()
    try GrowthError.check(
      steps.count <= mostSteps, .mismatch, fileName,
      "holds \(steps.count) growths; expected at most \(mostSteps)")
    let path = try GrowthPath(steps.map(\.plan), options: options)
    for (made, step) in zip(path.steps, steps) {
      try GrowthError.check(
        Step(made).tensors == step.tensors, .mismatch, step.plan.operation,
        "its list of tensors is not what the growth makes; the receipt was changed, or another "
          + "version (\(versions.espalier)) wrote it")
    }
    return path
  }

  private static let mostSteps = 64
}
