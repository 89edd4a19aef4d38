// SPDX-License-Identifier: Apache-2.0
import Architectures

extension ReferencePass {
  /// Computes the gradients of all values and parameters, after the forward pass.
  mutating func runBackward(normalizer: Double) {
    for operation in program.operations.reversed() {
      backward(operation, normalizer: normalizer)
    }
  }

  private mutating func backward(_ operation: Program.Operation, normalizer: Double) {
    switch operation {
    case .embedding(let table, let output):
      EmbeddingOperation.backward(
        gradients[output], tokens: batch.inputs, tableGradient: &parameterGradients[table])
    case .positionEmbedding(let table, let input, let output):
      PositionEmbeddingOperation.backward(
        gradients[output], length: batch.sequenceLength,
        tableGradient: &parameterGradients[table])
      gradients[input].add(gradients[output])
    case .norm(let kind, let epsilon, let input, let gain, let bias, let output):
      let (dx, dgain, dbias) = norm(kind, epsilon, gain, bias, width: program.widths[input])
        .backward(values[input], gradients[output])
      gradients[input].add(dx)
      if let gain { add(dgain, to: gain.parameter) }
      if let bias { add(dbias, to: bias) }
    case .headNorm(let kind, let epsilon, let input, let headSize, let gain, let output):
      let (dx, dgain) = norm(kind, epsilon, gain, nil, width: headSize)
        .backwardByHead(values[input], gradients[output])
      gradients[input].add(dx)
      add(dgain, to: gain.parameter)
    case .scale(let factor, let input, let output):
      gradients[input].add(gradients[output].map { factor * $0 })
    case .columns(let slice, let output):
      gradients[slice.value].add(gradients[output], atColumn: slice.offset)
    case .regroup(let input, let groupCount, let widths, let output):
      gradients[input].add(gradients[output].regrouped(groupCount, widths, inverse: true))
    case .mixture(let mixture): backward(mixture)
    case .linear(let input, let weight, let layout, let bias, let output):
      let (dx, dweight, dbias) = linear(weight, layout, bias, width: program.widths[output])
        .backward(values[input], gradients[output])
      gradients[input].add(dx)
      add(dweight, to: weight)
      if let bias { add(dbias, to: bias) }
    case .rotary(let embedding, let input, let headSize, let output):
      gradients[input.value].add(rotary(embedding, input, headSize).backward(gradients[output]))
    case .attention(let a):
      let (dq, dk, dv) = attention(a)
        .backward(slice(a.query), slice(a.key), slice(a.value), gradients[a.output])
      gradients[a.query.value].add(dq, atColumn: a.query.offset)
      gradients[a.key.value].add(dk, atColumn: a.key.offset)
      gradients[a.value.value].add(dv, atColumn: a.value.offset)
    case .activation(let kind, let input, let output):
      gradients[input].add(ActivationOperation.backward(kind, values[input], gradients[output]))
    case .multiply(let left, let right, let output):
      let dleft = gradients[output].combined(with: values[right], *)
      let dright = gradients[output].combined(with: values[left], *)
      gradients[left].add(dleft)
      gradients[right].add(dright)
    case .add(let left, let right, let output):
      gradients[left].add(gradients[output])
      gradients[right].add(gradients[output])
    case .dropout(let rate, let stream, let input, let output):
      gradients[input].add(thinned(gradients[output], rate: rate, stream: stream))
    case .head(let input, let weight, let scale):
      let dlogits = CrossEntropyOperation.backward(
        logits, targets: batch.targets, normalizer: normalizer)
      let (dx, dweight, _) = linear(weight, .outputInput, nil, width: logits.columnCount)
        .backward(values[input], dlogits.map { scale * $0 })
      gradients[input].add(dx)
      add(dweight, to: weight)
    }
  }

  private mutating func backward(_ mixture: Program.MixtureOperation) {
    let (dx, router, experts) = self.mixture(mixture)
      .backward(values[mixture.input], gradients[mixture.output])
    gradients[mixture.input].add(dx)
    add(router, to: mixture.router)
    for (expert, gradient) in zip(mixture.experts, experts) {
      add(gradient.gate, to: expert.gate)
      add(gradient.up, to: expert.up)
      add(gradient.down, to: expert.down)
    }
  }

  private mutating func add(_ gradient: [Double], to parameter: Program.Parameter) {
    for index in gradient.indices { parameterGradients[parameter][index] += gradient[index] }
  }
}
