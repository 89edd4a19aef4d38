// SPDX-License-Identifier: Apache-2.0

/// The program of Llama.
///
/// Touvron et al., arXiv 2302.13971: RMS norm before each branch, no biases, rotary positions,
/// grouped key/value heads, SwiGLU. Weights are [outputs, inputs].
enum Llama {
  static func program(_ c: ModelConfiguration) -> Program {
    var build = ProgramBuilder(c)
    let tokens = tokenEmbedding(
      &build, "model.embed_tokens.weight", aliases: ["embed_tokens.weight"])
    var x = build.dropout(c.dropout.embedding, build.embedding(tokens))
    for layer in 0..<c.layerCount {
      x = block(&build, layer, x)
    }
    x = norm(&build, .final, "norm", nil, x)
    // Rotary frequencies that older versions of transformers saved.
    build.bufferNames.formUnion(["model.rotary_emb.inv_freq", "rotary_emb.inv_freq"])
    build.head(x, head(&build, tiedTo: tokens))
    return build.program
  }

  private static func block(
    _ build: inout ProgramBuilder, _ layer: Int, _ input: Program.Value
  ) -> Program.Value {
    let c = build.configuration
    let residual = ParameterSpec.Segment(space: .residual, size: c.hiddenSize)
    let inner = ParameterSpec.Segment(space: .feedForward, size: c.intermediateSize)
    let queries = c.headCount * c.headSize
    let keys = c.keyValueHeadCount * c.headSize
    let rotary = c.rotary ?? RotaryEmbedding()
    let attention = "layers.\(layer).self_attn"
    let feedForward = "layers.\(layer).mlp"
    for prefix in ["model.", ""] {
      build.bufferNames.insert("\(prefix)\(attention).rotary_emb.inv_freq")
    }

    var h = norm(&build, .attention, "layers.\(layer).input_layernorm", layer, input)
    let q = linear(
      &build, .query, "\(attention).q_proj", layer, h, from: residual,
      to: .init(space: .query, size: queries))
    let k = linear(
      &build, .key, "\(attention).k_proj", layer, h, from: residual,
      to: .init(space: .key, size: keys))
    let v = linear(
      &build, .value, "\(attention).v_proj", layer, h, from: residual,
      to: .init(space: .value, size: keys))
    let turnedQuery = build.rotary(rotary, q)
    let turnedKey = build.rotary(rotary, k)
    h = build.attention(
      query: build.slice(turnedQuery), key: build.slice(turnedKey), value: build.slice(v))
    h = linear(
      &build, .attentionOutput, "\(attention).o_proj", layer, h,
      from: .init(space: .attended, size: queries), to: residual)
    let x = build.add(input, build.dropout(c.dropout.residual, h))

    h = norm(&build, .feedForward, "layers.\(layer).post_attention_layernorm", layer, x)
    let gate = linear(
      &build, .feedForwardGate, "\(feedForward).gate_proj", layer, h, from: residual, to: inner)
    let up = linear(
      &build, .feedForwardUp, "\(feedForward).up_proj", layer, h, from: residual, to: inner)
    h = build.multiply(build.activation(.silu, gate), up)
    h = linear(
      &build, .feedForwardDown, "\(feedForward).down_proj", layer, h, from: inner, to: residual)
    return build.add(x, build.dropout(c.dropout.residual, h))
  }

  private static func norm(
    _ build: inout ProgramBuilder, _ which: ParameterSpec.Norm, _ name: String, _ layer: Int?,
    _ input: Program.Value
  ) -> Program.Value {
    let gain = build.parameter(
      ParameterSpec(
        name: "model.\(name).weight", aliases: ["\(name).weight"], role: .normGain(which),
        layer: layer, axes: [.init(.output, .residual, build.configuration.hiddenSize)],
        initializer: .ones))
    return build.norm(.rootMeanSquare, input, gain: gain)
  }

  private static func linear(
    _ build: inout ProgramBuilder, _ which: ParameterSpec.Linear, _ name: String, _ layer: Int,
    _ input: Program.Value, from: ParameterSpec.Segment, to: ParameterSpec.Segment
  ) -> Program.Value {
    let weight = build.parameter(
      ParameterSpec(
        name: "model.\(name).weight", aliases: ["\(name).weight"], role: .weight(which),
        layer: layer, axes: [.init(.output, segments: [to]), .init(.input, segments: [from])],
        initializer: which.addsToResidual
          ? residualNormal(layerCount: build.configuration.layerCount) : normal))
    return build.linear(input, weight, layout: .outputInput)
  }
}
