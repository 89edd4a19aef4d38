// SPDX-License-Identifier: Apache-2.0
import Architectures

/// A feed-forward of experts: y = Σ p(e) · down(f(gate(x)) ⊙ up(x)) over the experts of highest router
/// logits, p being the softmax over those logits.
package struct MixtureOperation {
  /// One expert's maps.
  package struct Expert {
    package var gate: LinearOperation
    package var up: LinearOperation
    package var down: LinearOperation

    package init(gate: LinearOperation, up: LinearOperation, down: LinearOperation) {
      self.gate = gate
      self.up = up
      self.down = down
    }
  }

  package var router: LinearOperation
  package var experts: [Expert]
  package var perToken: Int
  package var activation: Program.ActivationKind

  package init(
    router: LinearOperation, experts: [Expert], perToken: Int,
    activation: Program.ActivationKind
  ) {
    self.router = router
    self.experts = experts
    self.perToken = perToken
    self.activation = activation
  }

  /// Gradients by the weights of one expert.
  package struct ExpertGradient {
    package var gate: [Double]
    package var up: [Double]
    package var down: [Double]
  }

  package func forward(_ x: Matrix) -> Matrix {
    let choices = choices(x)
    var y = Matrix(zeros: x.rowCount, x.columnCount)
    for expert in experts.indices {
      let pass = pass(expert, x)
      for row in 0..<x.rowCount {
        guard let share = choices[row][expert] else { continue }
        for column in 0..<x.columnCount { y[row, column] += share * pass.output[row, column] }
      }
    }
    return y
  }

  /// The derivatives by the input and by all weights.
  ///
  /// That by an expert is its share's; that by the logits goes through the softmax of those chosen.
  /// Which are chosen has no derivative.
  package func backward(
    _ x: Matrix, _ dy: Matrix
  ) -> (dx: Matrix, router: [Double], experts: [ExpertGradient]) {
    let choices = choices(x)
    var dx = Matrix(zeros: x.rowCount, x.columnCount)
    var dshare = Matrix(zeros: x.rowCount, experts.count)
    var gradients: [ExpertGradient] = []
    for expert in experts.indices {
      let pass = pass(expert, x)
      var dout = Matrix(zeros: x.rowCount, x.columnCount)
      for row in 0..<x.rowCount {
        guard let share = choices[row][expert] else { continue }
        for column in 0..<x.columnCount {
          dout[row, column] = share * dy[row, column]
          dshare[row, expert] += dy[row, column] * pass.output[row, column]
        }
      }
      let map = experts[expert]
      let (dinner, ddown, _) = map.down.backward(pass.inner, dout)
      let dactive = dinner.combined(with: pass.up, *)
      let dgate = ActivationOperation.backward(activation, pass.gate, dactive)
      let (first, dgateWeight, _) = map.gate.backward(x, dgate)
      let dup = dinner.combined(with: pass.active, *)
      let (second, dupWeight, _) = map.up.backward(x, dup)
      dx.add(first)
      dx.add(second)
      gradients.append(ExpertGradient(gate: dgateWeight, up: dupWeight, down: ddown))
    }
    var dlogits = Matrix(zeros: x.rowCount, experts.count)
    for row in 0..<x.rowCount {
      let mean = choices[row].reduce(0) { $0 + $1.value * dshare[row, $1.key] }
      for (expert, share) in choices[row] {
        dlogits[row, expert] = share * (dshare[row, expert] - mean)
      }
    }
    let (third, drouter, _) = router.backward(x, dlogits)
    dx.add(third)
    return (dx, drouter, gradients)
  }

  private struct Pass {
    var gate: Matrix
    var active: Matrix
    var up: Matrix
    var inner: Matrix
    var output: Matrix
  }

  private func pass(_ expert: Int, _ x: Matrix) -> Pass {
    let map = experts[expert]
    let gate = map.gate.forward(x)
    let active = ActivationOperation.forward(activation, gate)
    let up = map.up.forward(x)
    let inner = active.combined(with: up, *)
    return Pass(gate: gate, active: active, up: up, inner: inner, output: map.down.forward(inner))
  }

  /// The experts that any row takes.
  package func chosenExperts(_ x: Matrix) -> Set<Int> { Set(choices(x).flatMap(\.keys)) }

  /// The chosen experts of each row with their shares.
  private func choices(_ x: Matrix) -> [[Int: Double]] {
    let logits = router.forward(x)
    return (0..<x.rowCount).map { row in
      let chosen = Program.MixtureOperation.choice(
        of: perToken, among: (0..<experts.count).map { logits[row, $0] })
      let shares = softmax(chosen.map { logits[row, $0] })
      return Dictionary(uniqueKeysWithValues: zip(chosen, shares))
    }
  }
}
