// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The settings of Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
/// 2024): the blocks' matrices step along their orthogonalised momentum, everything else by AdamW.
///
/// A matrix's step has the size of AdamW's (Liu et al., arXiv 2502.16982: 0.2 √max(rows, columns)
/// times the orthogonal matrix), so that AdamW's learning rates carry over.
public struct MuonConfiguration: Sendable, Hashable {
  /// AdamW's settings, for embeddings, head, router and vectors; decay and clip are those of all.
  public var adamW: AdamWConfiguration
  /// μ, the momentum's memory.
  public var momentum: Double
  /// Whether the step looks ahead by one gradient.
  public var nesterov: Bool
  /// Newton–Schulz iterations.
  public var iterations: Int

  /// Makes a configuration; ``validate(_:)`` checks it.
  public init(
    adamW: AdamWConfiguration = AdamWConfiguration(), momentum: Double = 0.95,
    nesterov: Bool = true, iterations: Int = 5
  ) {
    self.adamW = adamW
    self.momentum = momentum
    self.nesterov = nesterov
    self.iterations = iterations
  }
}

extension MuonConfiguration: Optimizer {
  /// `muon`.
  public static let key = "muon"
  /// Muon.
  public static let name = "Muon"
  /// The usual settings.
  public static let usual = MuonConfiguration()

  /// AdamW's settings and its own.
  public static let settings: [OptimizerSetting<MuonConfiguration>] =
    AdamWConfiguration.settings.map { $0.lifted(\.adamW) } + ownSettings

  private static let ownSettings: [OptimizerSetting<MuonConfiguration>] = [
    .number(
      "momentum", \.momentum, .from(0, below: 1), label: "μ", meaning: "memory of the momentum"),
    .flag(
      "nesterov", \.nesterov, label: "look-ahead",
      meaning: "whether a step looks ahead by one gradient"),
    .integer(
      "iterations", \.iterations, in: 1...20, label: "iterations",
      meaning: "iterations of Newton and Schulz"),
  ]

  /// An orthogonalised step does not follow from the gradient's multiple.
  public static let keepsTrajectory = false

  /// The momentum, and AdamW's moments.
  public static let slots: [StateSlot] = AdamWConfiguration.slots + [.momentum]

  /// Which settings train what.
  public var summary: String {
    "\(summary(of: Self.ownSettings)); embeddings, head, router and vectors: \(adamW.summary)"
  }

  /// The blocks' matrices.
  public func orthogonalises(_ parameter: ParameterSpec) -> Bool { parameter.isHiddenMatrix }

  /// The momentum of the blocks' matrices; AdamW's moments of all else.
  public func slots(of parameter: ParameterSpec) -> [StateSlot] {
    parameter.isHiddenMatrix ? [.momentum] : adamW.slots(of: parameter)
  }

  /// μ of the blocks' matrices; AdamW's of all else.
  public func memories(of parameter: ParameterSpec) -> [Double] {
    parameter.isHiddenMatrix ? [momentum] : adamW.memories(of: parameter)
  }

  /// The next update of a parameter.
  public func update(
    of parameter: ParameterSpec, clock: ParameterClock, learningRate: Double
  ) -> ParameterUpdate {
    guard parameter.isHiddenMatrix else {
      return adamW.update(of: parameter, clock: clock, learningRate: learningRate)
    }
    let (rows, columns) = (parameter.shape[0], parameter.shape[1])
    let rate = learningRate * clock.learningRateMultiplier
    func stepSize(_ rate: Double) -> Double { rate * 0.2 * Double(max(rows, columns)).squareRoot() }
    var update = MuonUpdate(
      momentum: momentum, nesterov: nesterov, iterations: iterations, rows: rows,
      columns: columns,
      decayFactor: adamW.decayRule.applies(to: parameter) ? learningRate * adamW.weightDecay : 0,
      stepSize: stepSize(rate))
    let weight = weight(after: clock.stepCount)
    update.byEntry = clock.grid(parameter.shape) { factor, stepCount in
      MuonStep(
        directionScale: weight / self.weight(after: stepCount), stepSize: stepSize(rate * factor))
    }
    return .muon(update)
  }

  /// How much all gradients together weigh in a direction, the next one included: 1 − μᵗ, or
  /// 1 − μᵗ⁺¹ where it looks ahead.
  private func weight(after stepCount: Int) -> Double {
    1 - momentum.raised(to: stepCount + (nesterov ? 2 : 1))
  }
}

extension OptimizerConfiguration {
  /// Muon.
  public static func muon(_ settings: MuonConfiguration) -> OptimizerConfiguration {
    OptimizerConfiguration(settings)
  }
}

extension StateSlot {
  /// Muon's running mean of gradients.
  public static let momentum = StateSlot("momentum", power: 1)
}

/// The numbers of one Muon update of one matrix.
///
/// As PyTorch's `Muon` computes it:
///
///     θ ← θ · (1 − decayFactor)
///     m ← μ m + (1 − μ) g
///     u ← μ m + (1 − μ) g where it looks ahead, else m
///     X ← u / max(‖u‖, 1e-7), then several times:  A ← X Xᵀ,  X ← a X + (b A + c A²) X
///     θ ← θ − stepSize · X
///
/// Where entries are new, u is brought to one scale before and steps differ after it: entries whose
/// momentum began at zero in a growth have seen fewer gradients than others, and would hardly count
/// beside them.
///
/// The iteration is that of Newton and Schulz with Jordan's coefficients, which bring singular values
/// near 1 in few steps; where there are more rows than columns, Xᵀ X serves from the right.
public struct MuonUpdate: Sendable, Hashable {
  /// μ.
  public var momentum: Double
  /// Whether it looks ahead.
  public var nesterov: Bool
  /// Newton–Schulz iterations.
  public var iterations: Int
  /// Rows of the matrix as it lies.
  public var rows: Int
  /// Columns of the matrix as it lies.
  public var columns: Int
  /// Learning rate × weight decay; 0 for no decay.
  public var decayFactor: Double
  /// Learning rate × 0.2 √max(rows, columns).
  public var stepSize: Double
  /// What entries have that have a rate or a count of their own, and all others beside them; nil where
  /// none have.
  public var byEntry: EntryGrid<MuonStep>?

  /// a, b and c of the iteration.
  public static let coefficients = (a: 3.4445, b: -4.7750, c: 2.0315)
  /// The smallest norm that the matrix is divided by.
  public static let leastNorm = 1e-7

  /// Makes an update.
  public init(
    momentum: Double, nesterov: Bool, iterations: Int, rows: Int, columns: Int,
    decayFactor: Double, stepSize: Double
  ) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.iterations = iterations
    self.rows = rows
    self.columns = columns
    self.decayFactor = decayFactor
    self.stepSize = stepSize
  }

  /// Calls `body` for stretches of row-major elements, each with the numbers that all of it takes.
  ///
  /// - Parameter range: the elements to be covered.
  public func forEachRun(
    in range: Range<Int>, _ body: (Range<Int>, MuonStep) throws -> Void
  ) rethrows {
    guard let byEntry else {
      return try body(range, MuonStep(directionScale: 1, stepSize: stepSize))
    }
    try byEntry.forEachRun(in: range, body)
  }
}

/// The numbers of a ``MuonUpdate`` that differ between entries of a matrix.
public struct MuonStep: Sendable, Hashable {
  /// The factor on u, by which all entries' means count as much gradient.
  public var directionScale: Double
  /// Learning rate × 0.2 √max(rows, columns).
  public var stepSize: Double
}

extension ParameterSpec {
  /// Whether this is a matrix of a block that maps activations to activations: not an embedding, head,
  /// router or vector.
  public var isHiddenMatrix: Bool {
    guard case .weight(let linear) = role else { return false }
    return linear != .router && shape.rank == 2
  }
}
