// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents
import Tensors
import Training

/// In files the maps are named by their spaces.
extension GrowthSpace: CodingKeyRepresentable {}

/// What is at its default is left out; ``tensors()`` checks that the parts fit each other.
extension GrowthPlan: FieldCoded {
  package init(_ fields: FieldCoder, of old: GrowthPlan?) throws {
    let operation = try fields.required("operation", old?.operation)
    let guarantees = try fields.required("guarantees", old?.guarantees.inOrder)
    self.init(
      operation, from: try fields.required("source", old?.source),
      to: try fields.required("target", old?.target),
      layers: try fields.required("layers", old?.layers), guarantees: Guarantees(guarantees))
    maps = try fields.required("maps", old?.maps)
    blocks = try fields.field("blocks", old?.blocks, default: 1)
    signalToNoise = try fields.optional("signalToNoise", old?.signalToNoise)
    normScale = try fields.field("normScale", old?.normScale, default: 1)
    vocabularyNoise = try fields.field("vocabularyNoise", old?.vocabularyNoise, default: 0)
    tensorScales = try fields.field("tensorScales", old?.tensorScales, default: [:])
    sourceRounding = try fields.optional("sourceRounding", old?.sourceRounding)
    expertParts = try fields.field("expertParts", old?.expertParts, default: 1)
    learningRates = try fields.required("learningRates", old?.learningRates)
  }
}

extension Guarantees {
  /// The guarantees in the order in which they are declared.
  public var inOrder: [Guarantee] { Guarantee.allCases.filter(contains) }
}

/// In files `{"kind": "repositioned", "ratio": 1.776, "rewarmup": "200 steps"}`: the kind with what belongs
/// to it.
extension ScheduleContinuation: FieldCoded {
  private enum Kind: String, CaseIterable, Codable { case automatic, continued, repositioned }

  private var kind: Kind {
    switch self {
    // Receipts have it settled.
    case .placed: .automatic
    case .continued: .continued
    case .repositioned: .repositioned
    }
  }

  package init(_ fields: FieldCoder, of old: ScheduleContinuation?) throws {
    switch try fields.required("kind", old?.kind) {
    case .automatic: self = old ?? .automatic
    case .continued: self = .continued
    case .repositioned:
      let (ratio, rewarmup): (Double?, TrainingDuration?) =
        if case .repositioned(let ratio, let rewarmup)? = old { (ratio, rewarmup) } else {
          (nil, nil)
        }
      self = .repositioned(
        ratio: try fields.required("ratio", ratio),
        rewarmup: try fields.optional("rewarmup", rewarmup))
    }
  }
}

/// A rate that is not given and a source that is not known are left out.
extension GrowthOptions: FieldCoded {
  package init(_ fields: FieldCoder, of old: GrowthOptions?) throws {
    self.init(
      seed: try fields.required("seed", old?.seed),
      moments: try fields.required("moments", old?.moments),
      schedule: try fields.required("schedule", old?.schedule),
      newEntryRate: try fields.optional("newEntryRate", old?.newEntryRate),
      source: try fields.optional("source", old?.source),
      sourceHash: try fields.optional("sourceHash", old?.sourceHash))
  }
}
