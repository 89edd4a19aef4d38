// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// A feed-forward of experts: y = Σ share(e) · down(f(gate(x)) ⊙ up(x)) over the experts of highest router
// logits, the shares being the softmax over those logits.
//
// Every expert computes every row, and a share of zero takes away what was not chosen.

extension Lowering {
  func mix(_ mixture: Program.MixtureOperation) -> Tensor {
    let x = value(mixture.input)
    let router = LinearLowering(weight: mixture.router, layout: mixture.layout, bias: nil)
    let shares = shares(mixture, x, router)
    let answers = mixture.experts.map { answer(of: $0, mixture, x) }
    func share(_ index: Int) -> Tensor {
      shares.slice(index..<index + 1, axis: 1).broadcast(to: x.extents, axes: [0, 1])
    }
    // That by an expert is its share's; that by the logits goes through the softmax of those chosen.
    onBackward(mixture.output) { [self] dy in
      let dshares = Tensor.concatenating(
        answers.map { ($0.output * dy).sum(over: [1]).reshaped(to: [rowCount, 1]) }, axis: 1)
      for (index, answer) in answers.enumerated() {
        contribute(
          answerBackward(answer, mixture.experts[index], mixture, dy: dy * share(index)),
          to: mixture.input)
      }
      let mean = (shares * dshares).sum(over: [1]).broadcast(to: shares.extents, axes: [0])
      contribute(routeBackward(x, router, shares * (dshares - mean)), to: mixture.input)
    }
    return answers.enumerated().dropFirst().reduce(answers[0].output * share(0)) {
      $0 + $1.element.output * share($1.offset)
    }
  }

  /// [R, experts]: the softmax over the logits of those chosen, zero for all others.
  private func shares(
    _ mixture: Program.MixtureOperation, _ x: Tensor, _ router: LinearLowering
  ) -> Tensor {
    // In float32 whatever the precision: what is chosen should not hang on a rounding.
    let logits = x.product(
      parameters[router.weight], .init(summed: [(1, router.axes.input)]))
    let extents = logits.extents
    let columns = mixture.experts.indices.map { logits.slice($0..<$0 + 1, axis: 1) }
    // How many go before each: higher ones, and equal ones of a lower number.
    let numbers = function.iota(TensorType(.int32, extents), axis: 1)
    let zero = function.constant(0, numbers.type)
    let rank = columns.enumerated().reduce(zero) { rank, column in
      let other = column.element.broadcast(to: extents, axes: [0, 1])
      let isEarlier = numbers.compares(
        .greater, to: function.constant(column.offset, numbers.type))
      let goesBefore = other.compares(.greater, to: logits)
        .or(other.compares(.equal, to: logits).and(isEarlier))
      return rank + goesBefore.converted(to: .int32)
    }
    let chosen = rank.compares(.less, to: function.constant(mixture.perToken, rank.type))
    let kept = chosen.selecting(logits, otherwise: -.infinity)
    let powers = (kept - kept.largest(over: [1]).broadcast(to: extents, axes: [0])).exponential()
    return powers / powers.sum(over: [1]).broadcast(to: extents, axes: [0])
  }

  private func routeBackward(_ x: Tensor, _ router: LinearLowering, _ dlogits: Tensor) -> Tensor {
    let (left, right) = router.layout == .inputOutput ? (x, dlogits) : (dlogits, x)
    contribute(left.product(right, .init(summed: [(0, 0)])), toParameter: router.weight)
    return dlogits.product(
      parameters[router.weight], .init(summed: [(1, router.axes.output)]))
  }

  /// What one expert makes of all rows, and what it needs to know on the way back.
  private struct Answer {
    var x: Tensor
    var up: Tensor
    var active: Tensor
    var slope: () -> Tensor
    var inner: Tensor
    var output: Tensor
  }

  private func answer(
    of expert: Program.MixtureOperation.Expert, _ mixture: Program.MixtureOperation, _ x: Tensor
  ) -> Answer {
    func map(_ x: Tensor, _ weight: Program.Parameter) -> Tensor {
      self.map(x, LinearLowering(weight: weight, layout: mixture.layout, bias: nil))
    }
    let up = map(x, expert.up)
    let (active, slope) = apply(mixture.activation, map(x, expert.gate))
    let inner = active * up
    return Answer(
      x: x, up: up, active: active, slope: slope, inner: inner, output: map(inner, expert.down))
  }

  /// - Returns: the gradient by the rows.
  private func answerBackward(
    _ answer: Answer, _ expert: Program.MixtureOperation.Expert,
    _ mixture: Program.MixtureOperation, dy: Tensor
  ) -> Tensor {
    func back(_ x: Tensor, _ weight: Program.Parameter, _ dy: Tensor) -> Tensor {
      mapBackward(x, LinearLowering(weight: weight, layout: mixture.layout, bias: nil), dy)
    }
    let dinner = back(answer.inner, expert.down, dy)
    return back(answer.x, expert.gate, dinner * answer.up * answer.slope())
      + back(answer.x, expert.up, dinner * answer.active)
  }
}
