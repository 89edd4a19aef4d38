// SPDX-License-Identifier: Apache-2.0

/// The program of GPT-2.
///
/// Radford et al. 2019: layer norm before each branch, biases everywhere, GELU by tanh, learned
/// positions, tied head. Weights are [inputs, outputs], as its files have them.
enum GPT2 {
  static func program(_ c: ModelConfiguration) -> Program {
    var build = ProgramBuilder(c)
    let tokens = tokenEmbedding(
      &build, "transformer.wte.weight", aliases: ["wte.weight"])
    let positions = build.parameter(
      ParameterSpec(
        name: "transformer.wpe.weight", aliases: ["wpe.weight"], role: .positionEmbedding,
        axes: [.init(.input, .position, c.contextLength), .init(.output, .residual, c.hiddenSize)],
        initializer: normal))

    var x = build.positionEmbedding(positions, build.embedding(tokens))
    x = build.dropout(c.dropout.embedding, x)
    for layer in 0..<c.layerCount {
      x = block(&build, layer, x)
    }
    x = norm(&build, .final, "ln_f", nil, x)
    build.head(x, head(&build, tiedTo: tokens))
    return build.program
  }

  private static func block(
    _ build: inout ProgramBuilder, _ layer: Int, _ input: Program.Value
  ) -> Program.Value {
    let c = build.configuration
    let inner = c.headCount * c.headSize
    let keys = c.keyValueHeadCount * c.headSize
    // Causal masks that older versions of transformers saved.
    for prefix in ["transformer.", ""] {
      build.bufferNames.insert("\(prefix)h.\(layer).attn.bias")
      build.bufferNames.insert("\(prefix)h.\(layer).attn.masked_bias")
    }

    var h = norm(&build, .attention, "h.\(layer).ln_1", layer, input)
    let qkv = linear(
      &build, .queryKeyValue, "h.\(layer).attn.c_attn", layer, h,
      from: .init(space: .residual, size: c.hiddenSize),
      to: [
        .init(space: .query, size: inner), .init(space: .key, size: keys),
        .init(space: .value, size: keys),
      ])
    h = build.attention(
      query: .init(value: qkv, offset: 0, width: inner),
      key: .init(value: qkv, offset: inner, width: keys),
      value: .init(value: qkv, offset: inner + keys, width: keys))
    h = linear(
      &build, .attentionOutput, "h.\(layer).attn.c_proj", layer, h,
      from: .init(space: .attended, size: inner), to: [.init(space: .residual, size: c.hiddenSize)])
    let x = build.add(input, build.dropout(c.dropout.residual, h))

    h = norm(&build, .feedForward, "h.\(layer).ln_2", layer, x)
    h = linear(
      &build, .feedForwardUp, "h.\(layer).mlp.c_fc", layer, h,
      from: .init(space: .residual, size: c.hiddenSize),
      to: [.init(space: .feedForward, size: c.intermediateSize)])
    h = build.activation(.geluTanh, h)
    h = linear(
      &build, .feedForwardDown, "h.\(layer).mlp.c_proj", layer, h,
      from: .init(space: .feedForward, size: c.intermediateSize),
      to: [.init(space: .residual, size: c.hiddenSize)])
    return build.add(x, build.dropout(c.dropout.residual, h))
  }

  private static func norm(
    _ build: inout ProgramBuilder, _ which: ParameterSpec.Norm, _ name: String, _ layer: Int?,
    _ input: Program.Value
  ) -> Program.Value {
    let axes: [ParameterSpec.Axis] = [.init(.output, .residual, build.configuration.hiddenSize)]
    let gain = build.parameter(
      ParameterSpec(
        name: "transformer.\(name).weight", aliases: ["\(name).weight"], role: .normGain(which),
        layer: layer, axes: axes, initializer: .ones))
    let bias = build.parameter(
      ParameterSpec(
        name: "transformer.\(name).bias", aliases: ["\(name).bias"], role: .normBias(which),
        layer: layer, axes: axes, initializer: .zeros))
    return build.norm(.layer, input, gain: gain, bias: bias)
  }

  private static func linear(
    _ build: inout ProgramBuilder, _ which: ParameterSpec.Linear, _ name: String, _ layer: Int,
    _ input: Program.Value, from: ParameterSpec.Segment, to: [ParameterSpec.Segment]
  ) -> Program.Value {
    let weight = build.parameter(
      ParameterSpec(
        name: "transformer.\(name).weight", aliases: ["\(name).weight"], role: .weight(which),
        layer: layer, axes: [.init(.input, segments: [from]), .init(.output, segments: to)],
        initializer: which.addsToResidual
          ? residualNormal(layerCount: build.configuration.layerCount) : normal))
    let bias = build.parameter(
      ParameterSpec(
        name: "transformer.\(name).bias", aliases: ["\(name).bias"], role: .bias(which),
        layer: layer, axes: [.init(.output, segments: to)], initializer: .zeros))
    return build.linear(input, weight, bias: bias, layout: .inputOutput)
  }
}
