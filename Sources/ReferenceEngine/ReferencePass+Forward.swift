// SPDX-License-Identifier: Apache-2.0
import Architectures

extension ReferencePass {
  /// Computes all values, the logits and the loss.
  mutating func runForward() {
    for operation in program.operations { forward(operation) }
  }

  private mutating func forward(_ operation: Program.Operation) {
    switch operation {
    case .embedding(let table, let output):
      values[output] = EmbeddingOperation.forward(
        table: parameters[table], width: program.widths[output], tokens: batch.inputs)
    case .positionEmbedding(let table, let input, let output):
      values[output] = PositionEmbeddingOperation.forward(
        values[input], table: parameters[table], length: batch.sequenceLength)
    case .norm(let kind, let epsilon, let input, let gain, let bias, let output):
      values[output] = norm(kind, epsilon, gain, bias, width: program.widths[input])
        .forward(values[input])
    case .headNorm(let kind, let epsilon, let input, let headSize, let gain, let output):
      values[output] = norm(kind, epsilon, gain, nil, width: headSize)
        .forwardByHead(values[input])
    case .scale(let factor, let input, let output):
      values[output] = values[input].map { factor * $0 }
    case .columns(let slice, let output): values[output] = self.slice(slice)
    case .regroup(let input, let groupCount, let widths, let output):
      values[output] = values[input].regrouped(groupCount, widths)
    case .mixture(let mixture):
      values[mixture.output] = self.mixture(mixture).forward(values[mixture.input])
    case .linear(let input, let weight, let layout, let bias, let output):
      let map = linear(weight, layout, bias, width: program.widths[output])
      values[output] = map.forward(values[input])
    case .rotary(let embedding, let input, let headSize, let output):
      values[output] = rotary(embedding, input, headSize).forward(values[input.value])
    case .attention(let a):
      values[a.output] = attention(a).forward(slice(a.query), slice(a.key), slice(a.value))
    case .activation(let kind, let input, let output):
      values[output] = ActivationOperation.forward(kind, values[input])
    case .multiply(let left, let right, let output):
      values[output] = values[left].combined(with: values[right], *)
    case .add(let left, let right, let output):
      values[output] = values[left].combined(with: values[right], +)
    case .dropout(let rate, let stream, let input, let output):
      values[output] = thinned(values[input], rate: rate, stream: stream)
    case .head(let input, let weight, let scale):
      let map = linear(weight, .outputInput, nil, width: logits.columnCount)
      logits = map.forward(values[input]).map { scale * $0 }
      loss.total = CrossEntropyOperation.forward(logits, targets: batch.targets)
    }
  }
}
