// SPDX-License-Identifier: Apache-2.0
import StableHLO
import Training

/// Parameters and what optimizers keep of them, whose memory the outputs of the same number take over.
struct StateArguments {
  var values: [Tensor]
  /// By parameter, in the order of its rule.
  var slots: [[Tensor]]

  init(_ function: FunctionBuilder, _ types: [TensorType], _ rules: [UpdateRule]) {
    values = types.map(function.argument)
    slots = zip(types, rules).map { type, rule in rule.slots.map { _ in function.argument(type) } }
    for (index, argument) in (values + slots.flatMap { $0 }).enumerated() {
      function.donate(argument, to: index)
    }
  }
}

/// Writes an update of all parameters: the clip, AdamW, Muon.
struct UpdateLowering {
  private let function: FunctionBuilder
  private let rules: [UpdateRule]
  private let precision: Precision
  /// Four of each parameter.
  ///
  /// They are arguments of their own: as rows of one matrix each parameter's row would be another place, and code
  /// for one parameter no code for the others of its shape, which takes minutes to compile for many layers.
  private let numbers: [Tensor]
  /// The largest global norm, a scalar of float64.
  private let clip: Tensor
  private let entries: [EntryArguments?]

  /// Adds the arguments: each parameter's numbers, the clip, and three for each parameter whose entries have their own.
  init(
    _ function: FunctionBuilder, rules: [UpdateRule], types: [TensorType], precision: Precision
  ) {
    self.function = function
    self.rules = rules
    self.precision = precision
    numbers = rules.map { _ in function.argument(UpdateNumbers.type) }
    clip = function.argument(TensorType(.float64))
    entries = zip(rules, types).map { rule, type in
      rule.lineCount.map { EntryArguments(function, type, lineCount: $0) }
    }
  }

  /// Updates everything, or nothing where the norm is not finite.
  ///
  /// - Returns: parameters, slots and the gradients' squared norm in float64.
  func lower(_ state: StateArguments, gradients: [Tensor]) -> [Tensor] {
    let squared = Self.squaredNorm(gradients)
    // PyTorch's clip_grad_norm_ has the same 1e-6.
    let scale = (clip / (squared.squareRoot() + 1e-6)).minimum(squared.filled(with: 1))
      .converted(to: .float32)
    let isFinite = squared.isFinite()
    var (values, slots): ([Tensor], [Tensor]) = ([], [])
    for (index, value) in state.values.enumerated() {
      let parameter = Parameter(
        index: index, value: value, slots: state.slots[index],
        gradient: gradients[index] * scale.broadcast(to: value.extents),
        isFinite: isFinite.broadcast(to: value.extents))
      let made =
        switch rules[index].kind {
        case .adamW(let beta1, let beta2): adamW(parameter, (beta1, beta2))
        case .muon: muon(parameter)
        }
      values.append(parameter.isFinite.selecting(made.value, otherwise: value))
      slots += made.slots
    }
    return values + slots + [squared]
  }

  /// One parameter before its update.
  private struct Parameter {
    var index: Int
    var value: Tensor
    var slots: [Tensor]
    var gradient: Tensor
    var isFinite: Tensor

    var extents: [Int] { value.extents }

    /// A slot's next value, or the one that it has where nothing is updated.
    ///
    /// What follows from it must follow from this: then the old one is not read any more, and its memory
    /// becomes the new one's without a copy.
    func slot(_ index: Int, becoming next: Tensor) -> Tensor {
      isFinite.selecting(next, otherwise: slots[index])
    }
  }

  /// Σ g² in float64: rows in float32, which are short, and all rows' sums exactly enough for any size.
  static func squaredNorm(_ gradients: [Tensor]) -> Tensor {
    let sums = gradients.map { gradient in
      let rows = (gradient * gradient).sum(over: [gradient.type.rank - 1]).converted(to: .float64)
      return rows.sum(over: Array(rows.extents.indices))
    }
    return sums.dropFirst().reduce(sums[0]) { $0 + $1 }
  }

  private enum Column { static let step = 0, kept = 1, correction = 2, epsilon = 3 }

  /// One of a parameter's numbers, in all its places.
  private func number(_ parameter: Int, _ column: Int, _ extents: [Int]) -> Tensor {
    numbers[parameter].slice(column..<column + 1, axis: 0).reshaped(to: [])
      .broadcast(to: extents)
  }
}

// MARK: AdamW

extension UpdateLowering {
  /// As `AdamWUpdate` says, each number rounded once to float32.
  private func adamW(
    _ parameter: Parameter, _ betas: (first: Double, second: Double)
  ) -> (value: Tensor, slots: [Tensor]) {
    let (index, value, extents) = (parameter.index, parameter.value, parameter.extents)
    let (slots, gradient) = (parameter.slots, parameter.gradient)
    let first = parameter.slot(
      0, becoming: slots[0] + (gradient - slots[0]) * (1 - betas.first))
    let second = parameter.slot(
      1, becoming: slots[1] * betas.second + gradient * gradient * (1 - betas.second))
    let step = entries[index]?.steps ?? number(index, Column.step, extents)
    let correction = entries[index]?.others ?? number(index, Column.correction, extents)
    let divisor = second.squareRoot() * correction + number(index, Column.epsilon, extents)
    // No gradient was ever seen and ε is 0: no step, where 0/0 would be NaN.
    let isZero = divisor.compares(.equal, to: divisor.filled(with: 0))
    let change = isZero.selecting(value.filled(with: 0), otherwise: step * first / divisor)
    return (value * number(index, Column.kept, extents) - change, [first, second])
  }
}

// MARK: Muon

extension UpdateLowering {
  /// As `MuonUpdate` says.
  private func muon(_ parameter: Parameter) -> (value: Tensor, slots: [Tensor]) {
    let (index, value, extents) = (parameter.index, parameter.value, parameter.extents)
    let (slots, gradient) = (parameter.slots, parameter.gradient)
    guard case .muon(let memory, let nesterov, let iterations) = rules[index].kind else {
      return (value, slots)
    }
    let momentum = parameter.slot(
      0, becoming: slots[0] + (gradient - slots[0]) * (1 - memory))
    var direction = nesterov ? gradient + (momentum - gradient) * memory : momentum
    if let entries = entries[index] { direction = direction * entries.others }
    let orthogonal = orthogonalised(direction, iterations: iterations)
    let step = entries[index]?.steps ?? number(index, Column.step, extents)
    return (value * number(index, Column.kept, extents) - step * orthogonal, [momentum])
  }

  /// The matrix with its singular values near 1, by the iteration of Newton and Schulz from the shorter
  /// side.
  private func orthogonalised(_ matrix: Tensor, iterations: Int) -> Tensor {
    let isWide = matrix.extents[0] <= matrix.extents[1]
    let (a, b, c) = MuonUpdate.coefficients
    let norm = (matrix * matrix).sum(over: [1]).sum(over: [0]).squareRoot()
    let divisor = norm.maximum(norm.filled(with: MuonUpdate.leastNorm))
    let long = isWide ? 1 : 0
    var x = matrix / divisor.broadcast(to: matrix.extents)
    for _ in 0..<iterations {
      let factor = operand(x)
      let gram = factor.product(factor, .init(summed: [(long, long)]))
      let narrow = operand(gram)
      let square = narrow.product(narrow, .init(summed: [(1, 0)]))
      let map = operand(gram * b + square * c)
      let next =
        isWide
        ? map.product(factor, .init(summed: [(1, 0)]))
        : factor.product(map, .init(summed: [(1, 0)]))
      x = x * a + next
    }
    return x
  }

  private func operand(_ tensor: Tensor) -> Tensor {
    precision == .bf16 ? tensor.converted(to: .bfloat16) : tensor
  }
}

/// The arguments of a parameter whose entries have numbers of their own, spread out to its entries.
private struct EntryArguments {
  var steps: Tensor
  var others: Tensor

  init(_ function: FunctionBuilder, _ type: TensorType, lineCount: Int) {
    let columns = type.extents.last ?? 1
    let rows = type.elementCount / max(1, columns)
    let lineOfRow = function.argument(TensorType(.int32, [rows]))
    let table = TensorType(.float32, [lineCount, columns])
    let (steps, others) = (function.argument(table), function.argument(table))
    self.steps = steps.rows(lineOfRow).reshaped(to: type.extents)
    self.others = others.rows(lineOfRow).reshaped(to: type.extents)
  }
}
