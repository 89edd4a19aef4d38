// SPDX-License-Identifier: Apache-2.0

/// Collects parameters, values and operations while an architecture file reads top down.
struct ProgramBuilder {
  let configuration: ModelConfiguration
  private var parameters: [ParameterSpec] = []
  private var widths: [Int] = []
  private var operations: [Program.Operation] = []
  private var dropoutStreams = 0
  /// Tensors of published files that hold no parameter.
  var bufferNames: Set<String> = []
  /// Tensors of published files that repeat a parameter.
  var copyNames: [String: Program.Parameter] = [:]

  init(_ configuration: ModelConfiguration) { self.configuration = configuration }

  var program: Program {
    Program(
      family: configuration.family.name, contextLength: configuration.contextLength,
      parameters: parameters, bufferNames: bufferNames, copyNames: copyNames, widths: widths,
      operations: operations)
  }

  mutating func parameter(_ spec: ParameterSpec) -> Program.Parameter {
    parameters.append(spec)
    return parameters.count - 1
  }

  mutating func embedding(_ table: Program.Parameter) -> Program.Value {
    emit(width: parameters[table].axes[1].size) { .embedding(table: table, output: $0) }
  }

  mutating func positionEmbedding(
    _ table: Program.Parameter, _ input: Program.Value
  ) -> Program.Value {
    emit(width: widths[input]) { .positionEmbedding(table: table, input: input, output: $0) }
  }

  mutating func norm(
    _ kind: Program.NormKind, _ input: Program.Value, gain: Program.Parameter?, offset: Double,
    bias: Program.Parameter? = nil
  ) -> Program.Value {
    let epsilon = configuration.normEpsilon
    let gain = gain.map { Program.Gain($0, offset: offset) }
    return emit(width: widths[input]) {
      .norm(kind, epsilon: epsilon, input: input, gain: gain, bias: bias, output: $0)
    }
  }

  mutating func headNorm(
    _ kind: Program.NormKind, _ input: Program.Value, gain: Program.Parameter, offset: Double
  ) -> Program.Value {
    let (epsilon, headSize) = (configuration.normEpsilon, configuration.headSize)
    let gain = Program.Gain(gain, offset: offset)
    return emit(width: widths[input]) {
      .headNorm(
        kind, epsilon: epsilon, input: input, headSize: headSize, gain: gain, output: $0)
    }
  }

  mutating func scale(_ factor: Double, _ input: Program.Value) -> Program.Value {
    emit(width: widths[input]) { .scale(factor, input: input, output: $0) }
  }

  mutating func columns(_ slice: Program.Slice) -> Program.Value {
    emit(width: slice.width) { .columns(slice, output: $0) }
  }

  mutating func regroup(
    _ input: Program.Value, groupCount: Int, widths parts: [Int]
  ) -> Program.Value {
    emit(width: widths[input]) {
      .regroup(input: input, groupCount: groupCount, widths: parts, output: $0)
    }
  }

  mutating func mixture(
    _ input: Program.Value, router: Program.Parameter,
    experts: [Program.MixtureOperation.Expert], perToken: Int,
    activation: Program.ActivationKind, layout: Program.WeightLayout
  ) -> Program.Value {
    let innerWidth = configuration.intermediateSize
    return emit(width: widths[input]) {
      .mixture(
        Program.MixtureOperation(
          input: input, router: router, experts: experts,
          innerWidth: innerWidth, perToken: perToken, activation: activation, layout: layout,
          output: $0))
    }
  }

  mutating func linear(
    _ input: Program.Value, _ weight: Program.Parameter, bias: Program.Parameter? = nil,
    layout: Program.WeightLayout
  ) -> Program.Value {
    let outputAxis = layout == .inputOutput ? 1 : 0
    return emit(width: parameters[weight].axes[outputAxis].size) {
      .linear(input: input, weight: weight, layout: layout, bias: bias, output: $0)
    }
  }

  mutating func rotary(_ embedding: RotaryEmbedding, _ input: Program.Value) -> Program.Value {
    let slice = slice(input)
    let headSize = configuration.headSize
    return emit(width: widths[input]) {
      .rotary(embedding, input: slice, headSize: headSize, output: $0)
    }
  }

  mutating func attention(
    query: Program.Slice, key: Program.Slice, value: Program.Slice, window: Int?
  ) -> Program.Value {
    let c = configuration
    let stream = nextDropoutStream()
    return emit(width: c.headCount * c.headSize) {
      .attention(
        Program.AttentionOperation(
          query: query, key: key, value: value, headCount: c.headCount,
          keyValueHeadCount: c.keyValueHeadCount, headSize: c.headSize, causal: true,
          window: window, scale: 1 / Double(c.headSize).squareRoot(), dropout: c.dropout.attention,
          dropoutStream: stream, output: $0))
    }
  }

  mutating func activation(
    _ kind: Program.ActivationKind, _ input: Program.Value
  ) -> Program.Value {
    emit(width: widths[input]) { .activation(kind, input: input, output: $0) }
  }

  mutating func multiply(_ left: Program.Value, _ right: Program.Value) -> Program.Value {
    emit(width: widths[left]) { .multiply(left: left, right: right, output: $0) }
  }

  mutating func add(_ left: Program.Value, _ right: Program.Value) -> Program.Value {
    emit(width: widths[left]) { .add(left: left, right: right, output: $0) }
  }

  /// Dropout of a positive rate; rate 0 adds no operation, but uses up its stream all the same, so
  /// that changing one rate leaves the other places' random numbers alone.
  mutating func dropout(_ rate: Double, _ input: Program.Value) -> Program.Value {
    let stream = nextDropoutStream()
    guard rate > 0 else { return input }
    return emit(width: widths[input]) {
      .dropout(rate: rate, stream: stream, input: input, output: $0)
    }
  }

  mutating func head(_ input: Program.Value, _ weight: Program.Parameter) {
    operations.append(.head(input: input, weight: weight, scale: configuration.logitScale))
  }

  func slice(_ value: Program.Value) -> Program.Slice {
    Program.Slice(value: value, offset: 0, width: widths[value])
  }

  private mutating func nextDropoutStream() -> Int {
    defer { dropoutStreams += 1 }
    return dropoutStreams
  }

  private mutating func emit(
    width: Int, _ operation: (Program.Value) -> Program.Operation
  ) -> Program.Value {
    widths.append(width)
    let value = widths.count - 1
    operations.append(operation(value))
    return value
  }
}
