// SPDX-License-Identifier: Apache-2.0

extension GrowthReceipt: Codable {
  private enum Key: String, CodingKey {
    case formatVersion, operation, guarantees, options, step, versions, steps, files
  }

  /// Reads a receipt; ``validate()`` checks that its parts fit each other.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    steps = try container.decode([Step].self, forKey: .steps)
    options = try container.decode(GrowthOptions.self, forKey: .options)
    step = try container.decodeIfPresent(Int.self, forKey: .step)
    versions = try container.decode(Versions.self, forKey: .versions)
    files = try container.decodeIfPresent(Files.self, forKey: .files)
  }

  /// Writes a receipt; operation and guarantees are there to be read, the steps are what counts.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(Self.formatVersion, forKey: .formatVersion)
    try container.encode(operation, forKey: .operation)
    try container.encode(guarantees.inOrder, forKey: .guarantees)
    try container.encode(options, forKey: .options)
    try container.encodeIfPresent(step, forKey: .step)
    try container.encode(versions, forKey: .versions)
    try container.encodeIfPresent(files, forKey: .files)
    try container.encode(steps, forKey: .steps)
  }

  /// Checks that the steps follow each other and that the tensors are what they make.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch`; the errors of Architectures for a model that
  ///   contradicts itself.
  public func validate() throws {
    guard let source else {
      throw GrowthError(.mismatch, "holds no growth", subject: Self.fileName)
    }
    try options.validate()
    try GrowthError.check(
      steps.count <= Self.mostSteps, .mismatch, Self.fileName,
      "holds \(steps.count) growths; expected at most \(Self.mostSteps)")
    try plans.check(from: source)
    for step in steps {
      try GrowthError.check(
        try step.plan.describedTensors() == step.tensors, .mismatch, step.plan.operation,
        "its list of tensors is not what the growth makes; the receipt was changed, or another "
          + "version (\(versions.espalier)) wrote it")
    }
  }

  private static let mostSteps = 64
}
