// SPDX-License-Identifier: Apache-2.0
import Architectures
import Wording

extension GrowthPlan {
  /// How each tensor of the grown model comes about, in the order of its program.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch` where the maps do not fit the two models; the errors
  ///   of Architectures for a model that contradicts itself.
  public func tensors() throws -> [TensorGrowth] {
    try tensors(from: source.program().parameters, to: target.program().parameters)
  }

  /// The same for the parameters of the two models, whose programs have been built and so checked.
  func tensors(
    from small: [ParameterSpec], to large: [ParameterSpec]
  ) throws -> [TensorGrowth] {
    try check(large)
    let indices = Dictionary(
      small.enumerated().map { (Place($1, $1.layer), $0) }, uniquingKeysWith: { $1 })
    return try large.map { spec in
      let layer = spec.layer.map { layers[$0] }
      var place = Place(spec, layer.map { $0.layer } ?? nil)
      if makesExperts {
        if spec.role == .weight(.router) { return router(spec) }
        place.expert = nil
      }
      // A head that was tied is what the embedding was.
      if spec.role == .head, source.tiesHead { place.role = .tokenEmbedding }
      guard layer == nil || layer?.layer != nil else { return newTensor(spec, layer) }
      guard let index = indices[place] else {
        throw GrowthError(
          .mismatch, "has no counterpart in the small model", subject: spec.name)
      }
      return try tensor(spec, from: small[index], index, layer)
    }
  }

  /// Identifies a parameter across models.
  private struct Place: Hashable {
    var role: ParameterSpec.Role
    var layer: Int?
    var expert: Int?

    init(_ spec: ParameterSpec, _ layer: Int?) {
      role = spec.role
      self.layer = layer
      expert = spec.expert
    }
  }

  private func newTensor(_ spec: ParameterSpec, _ layer: LayerSource?) -> TensorGrowth {
    var spec = spec
    if layer?.isIdentity ?? false, spec.role.writesToResidual { spec.initializer = .zeros }
    return TensorGrowth(new: spec)
  }

  private func tensor(
    _ spec: ParameterSpec, from small: ParameterSpec, _ index: Int, _ layer: LayerSource?
  ) throws -> TensorGrowth {
    let axes = try spec.axes.indices.map {
      try AxisMap(axis: $0, of: spec, from: small, vocabularyNoise: vocabularyNoise) {
        expertMap($0, of: spec) ?? map($0)
      }
    }
    // Zero times a number keeps its sign, as other tools' files have it.
    if layer?.zeroes(spec.role) ?? false, tensorScales[spec.name] != 0 {
      var zero = spec
      zero.initializer = .zeros
      var growth = TensorGrowth(new: zero)
      growth.replaced = TensorGrowth.Replaced(source: index, axes: axes)
      return growth
    }
    var growth = TensorGrowth(new: spec)
    growth.source = index
    growth.axes = axes
    let isSplit = makesExperts && spec.expert != nil || spec.role == .head && source.tiesHead
    growth.sourceRounding = sourceRounding
    growth.keepsMoments = (layer?.isKept ?? true) && !isSplit
    shapeProduct(&growth)
    scale(&growth)
    if learningRates == .smallTrajectory { try setRates(&growth) }
    return growth
  }

  /// Block structure and noise of a matrix.
  private func shapeProduct(_ growth: inout TensorGrowth) {
    guard case .weight = growth.target.role else { return }
    let input = map(growth.target, .input)
    // Copies with unequal shares need each other's blocks, or the copies' gradients would differ.
    let share = 1 / Double(blocks)
    let isBlockDiagonal =
      blocks > 1 && input.isUniform(backward: share)
      && map(growth.target, .output).isUniform(backward: share)
    if isBlockDiagonal {
      growth.pattern = .blockDiagonal
      growth.valueScale = Double(blocks)
    }
    if let signalToNoise, input.copyCount > 1 {
      growth.noise = CancellingNoise(
        signalToNoise: signalToNoise, copies: input.copyCount,
        scale: isBlockDiagonal ? 1 : 1 / Double(input.copyCount))
    }
  }

  /// Factors that belong to whole tensors.
  private func scale(_ growth: inout TensorGrowth) {
    let role = growth.target.role
    let tensorScale = tensorScales[growth.target.name]
    // A factor on a tensor is one on the numbers in the file.
    if case .normGain = role, target.traits.gain == .aboveOne, tensorScale == nil {
      growth.gainOffset = 1
    }
    let factor = factor(of: role)
    growth.valueScale *= factor * (tensorScale ?? 1)
    growth.gradientScale /= factor
    if makesExperts, role == .weight(.feedForwardDown) { growth.valueScale *= Double(expertParts) }
  }

  /// The factor on a whole tensor of a role.
  private func factor(of role: ParameterSpec.Role) -> Double {
    switch role {
    case .normGain(.attention), .normGain(.feedForward), .normGain(.final): normScale
    case .head: source.logitScale / target.logitScale
    // What the model multiplies its token vectors by grows with the width.
    case .tokenEmbedding: source.embeddingScale / target.embeddingScale
    default: 1
    }
  }

  /// Multipliers with which AdamW's steps on the grown tensor do what its steps did on the small one.
  ///
  /// AdamW's step does not depend on the gradient's scale, given that ε follows it. Steps of size s on
  /// all copies of an input change an output by s times the sum of the copies' activations.
  private func setRates(_ growth: inout TensorGrowth) throws {
    let spec = growth.target
    let gradients = growth.axes.map(\.uniformGradient)
    let reads: Bool = if case .weight = spec.role { true } else { spec.role == .head }
    let sums = reads ? Set(map(spec, .input).sums(\.forward)) : [1]
    let outputs = growth.axes.enumerated().filter { spec.axes[$0.offset].direction == .output }
      .map { Set($0.element.runs.map(\.value)) }
    guard let sum = sums.first, sums.count == 1, !gradients.contains(nil),
      outputs.allSatisfy({ $0.count == 1 })
    else {
      throw GrowthError(
        .invalidOptions,
        "its copies are not alike, so no single learning rate keeps the small model's trajectory; "
          + "use the target's learning rates", subject: spec.name)
    }
    let output = outputs.reduce(1) { $0 * ($1.first ?? 1) }
    growth.learningRateMultiplier = output * factor(of: spec.role) / sum
    growth.epsilonMultiplier = gradients.reduce(growth.gradientScale) { $0 * ($1 ?? 1) }
  }

  /// The map of what a matrix reads or writes.
  private func map(
    _ spec: ParameterSpec, _ direction: ParameterSpec.Axis.Direction
  ) -> UnitMap {
    guard let axis = spec.axes.first(where: { $0.direction == direction }),
      let segment = axis.segments.first
    else { return .identity(1) }
    return map(GrowthSpace(segment.space, of: spec, direction))
  }

  /// Checks that maps, layers and configurations fit each other and keep what is promised.
  private func check(_ parameters: [ParameterSpec]) throws {
    try GrowthError.check(
      source.family == target.family || makesExperts, .mismatch, subject: operation,
      "makes a model of \(target.family.name) of one of \(source.family.name)")
    try checkNumbers()
    for (space, map) in maps {
      try map.checkRuns(operation)
      try GrowthError.check(
        map.sourceCount == space.count(in: source) && map.count == space.count(in: target),
        .mismatch, subject: operation,
        "maps \(map.sourceCount) to \(map.count) units of \(space.rawValue); the models have "
          + "\(space.count(in: source)) and \(space.count(in: target))")
      try GrowthError.check(
        map.count >= map.sourceCount, .mismatch, subject: operation,
        "leaves \(map.count) of \(map.sourceCount) units of \(space.rawValue); a growth removes none"
      )
    }
    for space in GrowthSpace.allCases where maps[space] == nil {
      if makesExperts, space == .feedForward || space == .expert { continue }
      try GrowthError.check(
        space.count(in: source) == space.count(in: target), .mismatch, subject: operation,
        "maps no units of \(space.rawValue), which grows")
    }
    try GrowthError.check(
      layers.count == target.layerCount
        && layers.allSatisfy { (0..<source.layerCount).contains($0.layer ?? 0) || $0.layer == nil },
      .mismatch, subject: operation, "names other layers than the models have")
    try checkExperts()
    guard guarantees.contains(.loss) else { return }
    try checkScales(parameters)
    let kept = layers.filter { !$0.isIdentity }.map(\.layer)
    try GrowthError.check(
      kept == (0..<source.layerCount).map { $0 }, .mismatch, subject: operation,
      "promises to keep the loss, but not every layer of the small model is there once, in order")
    for space in [GrowthSpace.normed, .final, .attended, .feedForward] {
      try GrowthError.check(
        map(space).keepsFunction, .mismatch, subject: operation,
        "copies of units of \(space.rawValue) do not add up to their sources")
    }
    try checkTie()
  }

  /// Factors keep the function where they speak of blocks that add nothing.
  private func checkScales(_ parameters: [ParameterSpec]) throws {
    let scaled = parameters.filter { tensorScales[$0.name] ?? 1 != 1 }
    try GrowthError.check(
      scaled.allSatisfy { $0.layer.map { layers[$0].isIdentity } ?? false }
        && sourceRounding == nil,
      .mismatch, subject: operation,
      "promises to keep the loss, but multiplies or rounds tensors that compute it")
  }

  /// Plans may come from files.
  private func checkNumbers() throws {
    try GrowthError.check(
      (1...UnitMap.mostUnits).contains(blocks), .mismatch, subject: operation,
      "has \(counted(blocks, "block"))")
    try GrowthError.check(
      normScale.isFinite && normScale > 0, .mismatch, subject: operation,
      "multiplies the norms' gains by \(normScale)")
    try GrowthError.check(
      tensorScales.values.allSatisfy(\.isFinite), .mismatch, subject: operation,
      "multiplies tensors by numbers that are not finite")
    try GrowthError.check(
      sourceRounding.map { $0.isFloatingPoint && maps.isEmpty } ?? true, .mismatch,
      subject: operation,
      "rounds the small model's values, which only growths of layers do, to real numbers")
    try GrowthError.check(
      vocabularyNoise.isFinite && vocabularyNoise >= 0, .mismatch, subject: operation,
      "adds \(vocabularyNoise) times the initializer's noise to new tokens")
    try GrowthError.check(
      signalToNoise?.isFinite ?? true, .mismatch, subject: operation,
      "has a signal-to-noise ratio that is not finite; expected decibels, or none")
  }

  /// A tied head reads what the embedding writes.
  private func checkTie() throws {
    guard target.tiesHead else { return }
    let ratio =
      target.logitScale / source.logitScale * factor(of: .tokenEmbedding)
    let written = map(.stream).runs.filter(\.hasUnits)
    let read = map(.final).runs.filter(\.hasUnits)
    try GrowthError.check(
      zip(written, read).allSatisfy { abs($0.forward * ratio - $1.backward) < 1e-12 },
      .mismatch, subject: operation,
      "the tied head would read other vectors than the embedding holds")
  }
}

extension UnitMap.Run {
  /// Whether the units are copies.
  var hasUnits: Bool { if case .units = source { true } else { false } }
}

extension LayerSource {
  /// Whether the block starts with zeros there.
  fileprivate func zeroes(_ role: ParameterSpec.Role) -> Bool {
    switch (self, role) {
    case (.identityByOutput, _): role.writesToResidual
    // Biases as well, or a branch whose input is zero would still add them.
    case (.identityByNorm, .normGain), (.identityByNorm, .normBias), (.identityByNorm, .bias): true
    default: false
    }
  }
}
