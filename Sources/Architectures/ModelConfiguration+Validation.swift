// SPDX-License-Identifier: Apache-2.0

extension ModelConfiguration {
  /// The largest extent of any axis.
  static let largestExtent = 1 << 28
  /// The most experts of a block.
  static let mostExperts = 1 << 12
  /// The most blocks.
  static let mostLayers = 1 << 16
  /// The most tensors of a model: more than any published one has, and their list fits memory.
  static let mostTensors = 1 << 21
  /// The most parameters: no memory holds them, and eight bytes for each still fit an `Int`.
  static let mostParameters = 1 << 48

  /// Checks that sizes are positive, fit each other and stay within memory's reach.
  ///
  /// What passes can be counted, laid out and multiplied without overflow: no axis is longer than
  /// 2²⁸, and no model has more than 2⁴⁸ parameters.
  ///
  /// - Throws: ``ArchitecturesError`` naming the first field that does not fit.
  public func validate() throws {
    try family.validate()
    try validateSizes()
    try validateTraits()
    try validateRates()
    try validateRotary()
    _ = try parameterCountOfValidSizes()
  }

  private func check(_ condition: Bool, _ field: String, _ message: String) throws {
    guard condition else {
      throw ArchitecturesError(.invalidConfiguration, message, subject: field)
    }
  }

  private func validateSizes() throws {
    for (field, value) in [
      ("hiddenSize", hiddenSize), ("headCount", headCount),
      ("keyValueHeadCount", keyValueHeadCount), ("headSize", headSize),
      ("intermediateSize", intermediateSize), ("vocabularySize", vocabularySize),
      ("contextLength", contextLength),
    ] {
      try check(
        (1...Self.largestExtent).contains(value), field,
        "\(value) is outside 1 … \(Self.largestExtent)")
    }
    try check(
      (0...Self.mostLayers).contains(layerCount), "layerCount",
      "\(layerCount) is outside 0 … \(Self.mostLayers)")
    try check(
      headCount % keyValueHeadCount == 0, "keyValueHeadCount",
      "\(keyValueHeadCount) does not divide the \(headCount) query heads")
    try check(
      headCount * headSize <= Self.largestExtent, "headSize",
      "\(headCount) heads of \(headSize) are wider than \(Self.largestExtent)")
  }

  private func validateTraits() throws {
    try check(
      traits.positions == family.traits.positions && traits.isGated == family.traits.isGated,
      "traits", "positions and gates are those of the family \(family.name)")
    try check(
      (traits.experts != nil) == (family.tensors.router != nil), "traits.experts",
      "belong to families with a router")
    try check(
      (1...Self.largestExtent).contains(traits.window ?? 1), "traits.window",
      "\(traits.window ?? 0) is outside 1 … \(Self.largestExtent)")
    if let experts = traits.experts {
      try check(
        (1...Self.mostExperts).contains(experts.count), "traits.experts.count",
        "\(experts.count) is outside 1 … \(Self.mostExperts)")
      try check(
        (1...experts.count).contains(experts.perToken), "traits.experts.perToken",
        "\(experts.perToken) is outside 1 … \(experts.count)")
    }
    try check(
      family.tensors.fusion == .stacked || headCount == keyValueHeadCount, "keyValueHeadCount",
      "\(keyValueHeadCount) are not the \(headCount) query heads, whose keys and values "
        + "\(family.name) keeps beside them")
  }

  private func validateRates() throws {
    try check(
      normEpsilon > 0 && normEpsilon < 1, "normEpsilon", "\(normEpsilon) is outside 0 … 1")
    try check(
      logitScale.isFinite && logitScale > 0, "logitScale", "\(logitScale) is not positive")
    for (field, rate) in [
      ("dropout.embedding", dropout.embedding), ("dropout.attention", dropout.attention),
      ("dropout.residual", dropout.residual),
    ] {
      try check((0..<1).contains(rate), field, "\(rate) is not from 0 to below 1")
    }
  }

  private func validateRotary() throws {
    guard traits.positions == .rotary else {
      return try check(
        rotary == nil, "rotary", "\(family.name) has learned positions; expected none")
    }
    let rotary = rotary ?? RotaryEmbedding()
    try check(
      rotary.fraction > 0 && rotary.fraction <= 1, "rotary.fraction",
      "\(rotary.fraction) is outside 0 … 1")
    try check(
      rotary.turnedSize(headSize: headSize) % 2 == 0, "headSize",
      "\(rotary.turnedSize(headSize: headSize)) components turn, an odd number; rotary turns pairs")
    try check(
      rotary.base.isFinite && rotary.base > 0, "rotary.base", "\(rotary.base) is not positive")
    switch rotary.scaling {
    case .none: break
    case .linear(let factor): try checkFactor(factor)
    case .llama3(let factor, let low, let high, let length):
      try checkFactor(factor)
      try check(
        low > 0 && low < high && high.isFinite, "rotary.scaling.lowFrequencyFactor",
        "\(low) is not between 0 and the high-frequency factor \(high)")
      try check(
        (1...Self.largestExtent).contains(length), "rotary.scaling.originalContextLength",
        "\(length) is outside 1 … \(Self.largestExtent)")
    }
  }

  private func checkFactor(_ factor: Double) throws {
    try check(
      factor.isFinite && factor > 0, "rotary.scaling.factor", "\(factor) is not positive")
  }
}
