// SPDX-License-Identifier: Apache-2.0
import StableHLO
import Training

/// How a parameter is updated, as far as it is written into a program; all other numbers of an update are
/// arguments.
struct UpdateRule: Hashable {
  enum Kind: Hashable {
    case adamW(beta1: Double, beta2: Double)
    case muon(momentum: Double, nesterov: Bool, iterations: Int)
  }
  var kind: Kind
  /// Rows of entries of which each differs from the others somewhere; nil where entries have no numbers of
  /// their own.
  var lineCount: Int?

  init(_ update: ParameterUpdate) {
    switch update {
    case .adamW(let update):
      kind = .adamW(beta1: update.beta1, beta2: update.beta2)
      lineCount = update.byEntry?.table().lines.count
    case .muon(let update):
      kind = .muon(
        momentum: update.momentum, nesterov: update.nesterov, iterations: update.iterations)
      lineCount = update.byEntry?.table().lines.count
    }
  }

  /// What is kept of the parameter.
  var slots: [StateSlot] {
    switch kind {
    case .adamW: [.firstMoment, .secondMoment]
    case .muon: [.momentum]
    }
  }
}

/// The numbers of a step's updates, as they are sent to the device.
struct UpdateNumbers {
  /// The type of a parameter's numbers.
  static let type = TensorType(.float32, [4])
  /// For each parameter the step size, the factor that is left by decay, and for AdamW the inverse root's
  /// correction and ε.
  private(set) var rows: [[Float]] = []
  /// For each parameter whose entries have numbers of their own: the line of each row, and two numbers of
  /// each column of each line.
  private(set) var entries: [Entries] = []

  struct Entries {
    var lineOfRow: [Int32]
    /// AdamW's step sizes; Muon's too.
    var steps: [Float]
    /// AdamW's corrections of the inverse root; Muon's scales of directions.
    var others: [Float]
  }

  init(_ updates: [ParameterUpdate]) {
    for update in updates {
      switch update {
      case .adamW(let update): add(update)
      case .muon(let update): add(update)
      }
    }
  }

  private mutating func add(_ update: AdamWUpdate) {
    rows.append(
      [
        update.stepSize, 1 - update.decayFactor, update.inverseRootCorrection, update.epsilon,
      ].map { Float($0) })
    add(update.byEntry, step: \.stepSize, other: \.inverseRootCorrection)
  }

  private mutating func add(_ update: MuonUpdate) {
    rows.append([update.stepSize, 1 - update.decayFactor, 0, 0].map { Float($0) })
    add(update.byEntry, step: \.stepSize, other: \.directionScale)
  }

  private mutating func add<Step>(
    _ grid: EntryGrid<Step>?, step: KeyPath<Step, Double>, other: KeyPath<Step, Double>
  ) {
    guard let table = grid?.table() else { return }
    let values = table.lines.flatMap { $0 }
    entries.append(
      Entries(
        lineOfRow: table.lineOfRow, steps: values.map { Float($0[keyPath: step]) },
        others: values.map { Float($0[keyPath: other]) }))
  }
}
