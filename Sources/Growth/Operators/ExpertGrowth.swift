// SPDX-License-Identifier: Apache-2.0
import Architectures
import Wording

/// Makes experts of each block's feed-forward: "sparse upcycling" (Komatsuzaki et al., arXiv
/// 2212.05055), in Mixtral's layout.
///
/// All experts are copies, and the router is new. The chosen experts' weights add up to 1, so
/// whichever are chosen, the block computes what it did. With several parts each copy is cut
/// into experts that share their router's row (virtual groups: He et al., arXiv 2410.07524): they are
/// chosen together, and their outputs are multiplied by the number of parts to make up for their
/// shares.
public struct ExpertGrowth: GrowthOperator, Hashable {
  /// How many experts there are.
  public var count: Int
  /// How many a token takes.
  public var perToken: Int
  /// Into how many experts each copy of the feed-forward is cut.
  public var parts: Int

  /// How many experts a token takes where nothing else is said.
  public static let defaultPerToken = 2

  /// A growth to a number of experts.
  public init(count: Int, perToken: Int = ExpertGrowth.defaultPerToken, parts: Int = 1) {
    self.count = count
    self.perToken = perToken
    self.parts = parts
  }

  /// One plan.
  ///
  /// Experts' gradients are those of the tokens that take them, no multiples of what they were, so
  /// ``Guarantee/moments`` is not promised, and their moments start anew. The weight of a single expert
  /// is always 1, so its router never learns: ``Guarantee/liveness`` needs two or more to a token.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for a model that Mixtral's layout cannot hold,
  ///   `invalidOptions` for numbers that do not fit each other.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    try checkNumbers(model)
    let family = DecoderFamily.mixtral
    var traits = model.traits
    traits.window = nil
    traits.activation = family.traits.activation
    try GrowthError.check(
      traits == family.traits && model.rotary?.fraction ?? 1 == 1
        && model.family.tensors.layout == .outputInput && model.family.tensors.gateUp == nil
        && model.family.tensors.queryKeyValue == nil,
      .unreachable, subject: "experts",
      "\(model.family.name) computes what \(family.name) has no place for; experts can be made of "
        + "llama and mistral")
    var target = model
    target.family = family
    target.traits.experts = .init(count: count, perToken: perToken)
    target.intermediateSize /= parts
    try target.validate()
    let pieces = parts == 1 ? "" : ", each copy in \(parts) parts"
    var plan = GrowthPlan(
      "\(count) experts, \(perToken) to a token\(pieces)", from: model, to: target,
      guarantees: perToken > 1 ? [.loss, .symmetry, .liveness] : [.loss, .symmetry])
    plan.expertParts = parts
    return [plan]
  }

  private func checkNumbers(_ model: ModelConfiguration) throws {
    func check(_ condition: Bool, _ message: String) throws {
      try GrowthError.check(condition, .invalidOptions, subject: "experts", message)
    }
    try check(
      model.traits.experts == nil,
      "the model has \(model.traits.experts?.count ?? 0) already; they are made of a model without any"
    )
    try check(
      count >= 2 && (1..<count).contains(perToken),
      "\(perToken) of \(count); expected at least 2, and fewer to a token than there are")
    try check(
      parts >= 1 && count % parts == 0 && perToken % parts == 0
        && model.intermediateSize % parts == 0,
      "\(counted(parts, "part")) do not divide \(counted(count, "expert")), \(perToken) to a token and the "
        + "\(counted(model.intermediateSize, "unit")) of the feed-forward")
  }
}

extension GrowthPlan {
  /// Whether each block's feed-forward becomes several experts.
  public var makesExperts: Bool { source.traits.experts == nil && target.traits.experts != nil }

  /// The map to experts is new; the parts that were one feed-forward share their row, so that they are
  /// chosen together.
  func router(_ spec: ParameterSpec) -> TensorGrowth {
    var growth = TensorGrowth(new: spec)
    growth.newRowRepeat = expertParts
    return growth
  }

  /// The map of the feed-forward's units as one expert sees it, who has a part of them; nil for other
  /// spaces and tensors.
  func expertMap(_ space: GrowthSpace, of spec: ParameterSpec) -> UnitMap? {
    guard makesExperts, space == .feedForward, let expert = spec.expert else { return nil }
    let units = source.intermediateSize / expertParts
    return UnitMap(
      sourceCount: source.intermediateSize,
      runs: [UnitMap.Run(.units(expert % expertParts * units), count: units)])
  }

  /// Experts are parts of the feed-forward, whole copies of it together.
  func checkExperts() throws {
    guard makesExperts, let experts = target.traits.experts else { return }
    try GrowthError.check(
      expertParts > 0 && target.intermediateSize * expertParts == source.intermediateSize
        && experts.count % expertParts == 0 && experts.perToken % expertParts == 0,
      .mismatch, subject: operation,
      "cuts \(counted(source.intermediateSize, "unit")) into \(counted(expertParts, "part")) of "
        + "\(target.intermediateSize) for \(counted(experts.count, "expert")), \(experts.perToken) to a token"
    )
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/experts``.
  public static let experts = GrowthParameter(
    "experts", .size, \.experts,
    help: "Make this many experts of each feed-forward, of which a token takes so many "
      + "(\(ExpertGrowth.defaultPerToken) where it is not said).",
    expected: { _ in "a number of experts, such as 8, or 8:2 with how many a token takes" },
    placeholder: "count[:per-token]",
    read: { written in
      guard let counts = written.pair, counts.first > 0, counts.second ?? 1 > 0 else { return nil }
      return ExpertGrowth(
        count: counts.first, perToken: counts.second ?? ExpertGrowth.defaultPerToken)
    },
    write: { .word("\($0.count):\($0.perToken)") })

  /// ``GrowthDescription/expertParts``.
  public static let expertParts = integer(
    "expertParts", .manner, \.expertParts, in: 1...1 << 16,
    help: "Cut each copy of the feed-forward into this many experts.", defaultValue: 1,
    speaksOf: ["experts"], speaksOfTarget: false)
}
