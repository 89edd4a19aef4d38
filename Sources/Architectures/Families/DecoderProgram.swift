// SPDX-License-Identifier: Apache-2.0

/// Builds the program of a decoder from its family's description.
///
/// A block is `x + f(norm(x))` for attention and then for the feed-forward; in parallel families
/// both read the same x. Parameters come in the order of the computation.
struct DecoderProgram {
  private var build: ProgramBuilder
  private let c: ModelConfiguration
  private let traits: DecoderTraits
  private let names: DecoderTensorNames

  static func program(_ configuration: ModelConfiguration) -> Program {
    var decoder = DecoderProgram(configuration)
    decoder.addAll()
    return decoder.build.program
  }

  private init(_ configuration: ModelConfiguration) {
    build = ProgramBuilder(configuration)
    c = configuration
    traits = configuration.traits
    names = configuration.family.tensors
  }

  private mutating func addAll() {
    let tokens = table(
      names.tokenEmbedding, role: .tokenEmbedding, space: .vocabulary, count: c.vocabularySize)
    var x = build.embedding(tokens)
    if traits.scalesEmbedding { x = build.scale(c.embeddingScale, x) }
    if let name = names.positionEmbedding {
      x = build.positionEmbedding(
        table(name, role: .positionEmbedding, space: .position, count: c.contextLength), x)
    }
    x = build.dropout(c.dropout.embedding, x)
    for layer in 0..<c.layerCount { x = block(layer, x) }
    for name in names.buffers where !name.contains("{layer}") { addBuffer(name) }
    x = norm(.final, named: names.finalNorm, layer: nil, of: x)
    build.head(x, head(tiedTo: tokens))
  }

  private mutating func block(_ layer: Int, _ input: Program.Value) -> Program.Value {
    for name in names.buffers where name.contains("{layer}") {
      addBuffer(name.replacing("{layer}", with: "\(layer)"))
    }
    var h = norm(.attention, named: names.attentionNorm, layer: layer, of: input)
    h = attention(layer, h)
    h = build.dropout(c.dropout.residual, h)
    if traits.isParallel {
      let other = feedForward(
        layer, norm(.feedForward, named: names.feedForwardNorm, layer: layer, of: input))
      return build.add(build.add(input, h), build.dropout(c.dropout.residual, other))
    }
    let x = build.add(input, h)
    h = feedForward(layer, norm(.feedForward, named: names.feedForwardNorm, layer: layer, of: x))
    return build.add(x, build.dropout(c.dropout.residual, h))
  }

  private mutating func addBuffer(_ name: String) {
    build.bufferNames.formUnion([names.prefix + name, name])
  }

  // MARK: Attention

  private mutating func attention(_ layer: Int, _ input: Program.Value) -> Program.Value {
    let (query, key, value) =
      names.queryKeyValue.map { fusedHeads($0, layer, input) } ?? separateHeads(layer, input)
    let h = build.attention(query: query, key: key, value: value, window: traits.window)
    return linear(
      .attentionOutput, named: names.attentionOutput, layer: layer, of: h,
      from: [segment(.attended, queryWidth)], to: [residual], bias: traits.attentionOutputBias)
  }

  private typealias Heads = (Program.Slice, Program.Slice, Program.Slice)

  private mutating func separateHeads(_ layer: Int, _ input: Program.Value) -> Heads {
    let q = projection(
      .query, named: names.query, space: .query, width: queryWidth, layer: layer, of: input)
    let k = projection(
      .key, named: names.key, space: .key, width: keyWidth, layer: layer, of: input)
    let v = projection(
      .value, named: names.value, space: .value, width: keyWidth, layer: layer, of: input)
    let query = turned(headNorm(.query, named: names.queryNorm, layer: layer, of: q))
    let key = turned(headNorm(.key, named: names.keyNorm, layer: layer, of: k))
    return (build.slice(query), build.slice(key), build.slice(v))
  }

  private mutating func projection(
    _ which: ParameterSpec.Linear, named name: String?, space: ParameterSpec.Space, width: Int,
    layer: Int, of input: Program.Value
  ) -> Program.Value {
    linear(
      which, named: name ?? "", layer: layer, of: input, from: [residual],
      to: [segment(space, width)],
      bias: traits.attentionBias)
  }

  private mutating func fusedHeads(
    _ name: String, _ layer: Int, _ input: Program.Value
  ) -> Heads {
    let parts = [
      segment(.query, queryWidth), segment(.key, keyWidth), segment(.value, keyWidth),
    ]
    var qkv: Program.Value
    switch names.fusion {
    case .stacked:
      qkv = linear(
        .queryKeyValue, named: name, layer: layer, of: input, from: [residual], to: parts,
        bias: traits.attentionBias)
    case .interleaved:
      let head = [ParameterSpec.Space.query, .key, .value].map { segment($0, c.headSize) }
      qkv = linear(
        .queryKeyValue, named: name, layer: layer, of: input, from: [residual],
        to: (0..<c.headCount).flatMap { _ in head }, bias: traits.attentionBias)
      qkv = build.regroup(qkv, groupCount: c.headCount, widths: head.map(\.size))
    }
    let query = Program.Slice(value: qkv, offset: 0, width: queryWidth)
    let key = Program.Slice(value: qkv, offset: queryWidth, width: keyWidth)
    let value = Program.Slice(value: qkv, offset: queryWidth + keyWidth, width: keyWidth)
    guard traits.positions == .rotary else { return (query, key, value) }
    let turnedQuery = build.rotary(rotary, build.columns(query))
    let turnedKey = build.rotary(rotary, build.columns(key))
    return (build.slice(turnedQuery), build.slice(turnedKey), value)
  }

  private mutating func turned(_ value: Program.Value) -> Program.Value {
    traits.positions == .rotary ? build.rotary(rotary, value) : value
  }

  private var rotary: RotaryEmbedding { c.rotary ?? RotaryEmbedding() }

  private mutating func headNorm(
    _ which: ParameterSpec.Norm, named name: String?, layer: Int, of input: Program.Value
  ) -> Program.Value {
    guard let name else { return input }
    let gain = build.parameter(
      spec(
        layerName(name, layer) + ".weight", role: .normGain(which), layer: layer,
        axes: [.init(.output, .headComponent, c.headSize)], initializer: gainInitializer))
    return build.headNorm(traits.norm, input, gain: gain, offset: gainOffset)
  }

  // MARK: Feed-forward

  private mutating func feedForward(_ layer: Int, _ input: Program.Value) -> Program.Value {
    if let experts = traits.experts { return mixture(experts, layer, input) }
    var h: Program.Value
    if let name = names.gateUp {
      let sets = (0...1).map {
        ParameterSpec.Segment(space: .feedForward, size: c.intermediateSize, set: $0)
      }
      let both = linear(
        .feedForwardGateUp, named: name, layer: layer, of: input, from: [residual], to: sets,
        bias: traits.feedForwardBias)
      let width = c.intermediateSize
      let gate = build.columns(.init(value: both, offset: 0, width: width))
      let up = build.columns(.init(value: both, offset: width, width: width))
      h = build.multiply(build.activation(traits.activation, gate), up)
    } else if traits.isGated, let name = names.gate {
      let gate = linear(
        .feedForwardGate, named: name, layer: layer, of: input, from: [residual], to: [inner],
        bias: traits.feedForwardBias)
      let up = up(layer, input)
      h = build.multiply(build.activation(traits.activation, gate), up)
    } else {
      h = build.activation(traits.activation, up(layer, input))
    }
    return linear(
      .feedForwardDown, named: names.down, layer: layer, of: h, from: [inner], to: [residual],
      bias: traits.feedForwardBias)
  }

  private mutating func up(_ layer: Int, _ input: Program.Value) -> Program.Value {
    linear(
      .feedForwardUp, named: names.up ?? "", layer: layer, of: input, from: [residual], to: [inner],
      bias: traits.feedForwardBias)
  }

  private mutating func mixture(
    _ experts: DecoderTraits.Experts, _ layer: Int, _ input: Program.Value
  ) -> Program.Value {
    let router = build.parameter(
      spec(
        layerName(names.router ?? "", layer) + ".weight", role: .weight(.router), layer: layer,
        axes: axes(from: [residual], to: [segment(.expert, experts.count)]), initializer: normal))
    let maps = (0..<experts.count).map { expert -> Program.MixtureOperation.Expert in
      func weight(
        _ which: ParameterSpec.Linear, _ name: String?, from: ParameterSpec.Segment,
        to: ParameterSpec.Segment
      ) -> Program.Parameter {
        let folder = (names.expert ?? "").replacing("{expert}", with: "\(expert)")
        var spec = spec(
          layerName(folder + (name ?? ""), layer) + ".weight", role: .weight(which), layer: layer,
          axes: axes(from: [from], to: [to]), initializer: initializer(which))
        spec.expert = expert
        return build.parameter(spec)
      }
      return .init(
        gate: weight(.feedForwardGate, names.gate, from: residual, to: inner),
        up: weight(.feedForwardUp, names.up, from: residual, to: inner),
        down: weight(.feedForwardDown, names.down, from: inner, to: residual))
    }
    return build.mixture(
      input, router: router, experts: maps, perToken: experts.perToken,
      activation: traits.activation, layout: names.layout)
  }

  // MARK: Parameters

  private var queryWidth: Int { c.headCount * c.headSize }
  private var keyWidth: Int { c.keyValueHeadCount * c.headSize }
  private var residual: ParameterSpec.Segment { segment(.residual, c.hiddenSize) }
  private var inner: ParameterSpec.Segment { segment(.feedForward, c.intermediateSize) }

  private func segment(_ space: ParameterSpec.Space, _ size: Int) -> ParameterSpec.Segment {
    .init(space: space, size: size)
  }

  private func layerName(_ name: String, _ layer: Int) -> String {
    names.layer.replacing("{layer}", with: "\(layer)") + name
  }

  /// A spec under a name inside the prefix, which files of bare models leave out.
  private func spec(
    _ name: String, role: ParameterSpec.Role, layer: Int?, axes: [ParameterSpec.Axis],
    initializer: ParameterSpec.Initializer
  ) -> ParameterSpec {
    ParameterSpec(
      name: names.prefix + name, aliases: names.prefix.isEmpty ? [] : [name], role: role,
      layer: layer, axes: axes, initializer: initializer)
  }

  private func axes(
    from: [ParameterSpec.Segment], to: [ParameterSpec.Segment]
  ) -> [ParameterSpec.Axis] {
    let input = ParameterSpec.Axis(.input, segments: from)
    let output = ParameterSpec.Axis(.output, segments: to)
    return names.layout == .inputOutput ? [input, output] : [output, input]
  }

  /// The published start of matrices and embeddings.
  private var normal: ParameterSpec.Initializer { .normal(standardDeviation: 0.02) }

  /// Matrices whose results are added to the residual stream start smaller, so that the stream's
  /// variance does not grow with depth.
  private func initializer(_ which: ParameterSpec.Linear) -> ParameterSpec.Initializer {
    guard which == .attentionOutput || which == .feedForwardDown else { return normal }
    return .normal(standardDeviation: 0.02 / (2 * Double(max(c.layerCount, 1))).squareRoot())
  }

  private mutating func table(
    _ name: String, role: ParameterSpec.Role, space: ParameterSpec.Space, count: Int
  ) -> Program.Parameter {
    build.parameter(
      spec(
        name + ".weight", role: role, layer: nil,
        axes: [.init(.input, space, count), .init(.output, .residual, c.hiddenSize)],
        initializer: normal))
  }

  /// The head's weight: the token embedding, or one of its own.
  private mutating func head(tiedTo tokens: Program.Parameter) -> Program.Parameter {
    let name = names.head + ".weight"
    if c.tiesHead {
      build.copyNames[name] = tokens
      return tokens
    }
    return build.parameter(
      ParameterSpec(
        name: name, role: .head,
        axes: [
          .init(.output, .vocabulary, c.vocabularySize), .init(.input, .residual, c.hiddenSize),
        ],
        initializer: normal))
  }

  private var gainOffset: Double { traits.gain == .aboveOne ? 1 : 0 }
  private var gainInitializer: ParameterSpec.Initializer {
    traits.gain == .aboveOne ? .zeros : .ones
  }

  private mutating func norm(
    _ which: ParameterSpec.Norm, named name: String, layer: Int?, of input: Program.Value
  ) -> Program.Value {
    let axes: [ParameterSpec.Axis] = [.init(.output, .residual, c.hiddenSize)]
    let full = layer.map { layerName(name, $0) } ?? name
    let gain =
      traits.gain == .none
      ? nil
      : build.parameter(
        spec(
          full + ".weight", role: .normGain(which), layer: layer, axes: axes,
          initializer: gainInitializer))
    let bias =
      traits.normBias
      ? build.parameter(
        spec(full + ".bias", role: .normBias(which), layer: layer, axes: axes, initializer: .zeros))
      : nil
    return build.norm(traits.norm, input, gain: gain, offset: gainOffset, bias: bias)
  }

  private mutating func linear(
    _ which: ParameterSpec.Linear, named name: String, layer: Int, of input: Program.Value,
    from: [ParameterSpec.Segment], to: [ParameterSpec.Segment], bias hasBias: Bool
  ) -> Program.Value {
    let full = layerName(name, layer)
    let weight = build.parameter(
      spec(
        full + ".weight", role: .weight(which), layer: layer, axes: axes(from: from, to: to),
        initializer: initializer(which)))
    let bias =
      hasBias
      ? build.parameter(
        spec(
          full + ".bias", role: .bias(which), layer: layer, axes: [.init(.output, segments: to)],
          initializer: .zeros))
      : nil
    return build.linear(input, weight, bias: bias, layout: names.layout)
  }
}
