// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Interpretation
import Tensors
import Text
import Training

/// A model in float64, on the reference model.
public struct ExactModel: MeasuredModel {
  /// The model's program, without dropout.
  public let program: Program
  /// Step counts and multipliers.
  public let clocks: [ParameterClock]
  /// Some units of float64's last place.
  public let gradientRounding = 1e-15
  /// float64's.
  public let range = Double.leastNormalMagnitude...Double.greatestFiniteMagnitude
  /// The parameters, each row-major, in the program's order.
  public var values: [[Double]]
  /// What the optimizer keeps of each parameter; a missing slot stands for zeros.
  public var slots: [[StateSlot: [Double]]]
  /// How many sequences are computed at once; nil for as many as there are cores.
  var threadCount: Int?

  /// A model as its files hold it, converted.
  ///
  /// - Throws: the errors of Architectures and Tensors; ``VerificationError`` for parameters that are
  ///   not the program's.
  public init(_ state: ModelState) throws {
    program = try state.program()
    clocks = try state.clocks(program)
    values = try state.parameters.map { try Self.doubles($0.value) }
    slots = try state.parameters.map { try $0.slots.mapValues { try Self.doubles($0) } }
    try check()
  }

  /// The model that growths make of a small one, in float64 from the start: what a growth means, free
  /// of float32's rounding.
  ///
  /// - Parameter given: the grown model as its files hold it: its step counts and multipliers are
  ///   taken, and its moments where the growth did not map them (``MomentPolicy/mapped``).
  /// - Throws: the errors of Growth; ``VerificationError`` for parameters that are not the program's.
  public init(
    growing small: ExactModel, by path: GrowthPath, given: ExactModel
  ) throws {
    program = given.program
    clocks = given.clocks
    values = try path.grown(values: small.values)
    slots = path.options.moments == .mapped ? try path.mapped(slots: small.slots) : given.slots
    try check()
  }

  /// The model as it is.
  public func makeSession() throws -> any MeasuredSession { try ExactSession(self) }

  private func check() throws {
    try VerificationError.check(
      values.count == program.parameters.count && clocks.count == values.count, .mismatch,
      subject: "parameters", "\(values.count) for a model of \(program.parameters.count)")
    for (spec, parts) in zip(program.parameters, zip(values, slots)) {
      let counts = [parts.0.count] + parts.1.values.map(\.count)
      try VerificationError.check(
        counts.allSatisfy { $0 == spec.shape.elementCount }, .mismatch, subject: spec.name,
        "value and moments have \(counts) elements; expected \(spec.shape)")
    }
  }

  private static func doubles(_ tensor: HostTensor) throws -> [Double] {
    try tensor.converted(to: .float32).floats.map(Double.init)
  }
}

extension ExactModel {
  /// Whether a slot is kept of any parameter.
  func has(_ slot: StateSlot) -> Bool { slots.contains { $0[slot] != nil } }

  /// A slot of all parameters; zeros where it is not kept.
  func all(_ slot: StateSlot) -> [[Double]] {
    zip(slots, values).map { $0[slot] ?? [Double](repeating: 0, count: $1.count) }
  }
}

extension GrowthPath {
  /// Where a small model's slots should be: each times γ to the slot's power; slots of nothing but zeros are
  /// left out.
  func mapped(slots: [[StateSlot: [Double]]]) throws -> [[StateSlot: [Double]]] {
    var result = [[StateSlot: [Double]]](repeating: [:], count: targetParameters.count)
    for slot in StateSlot.all where slots.contains(where: { $0[slot] != nil }) {
      for (index, values) in try mapped(slot, of: slots).enumerated()
      where values.contains(where: { $0 != 0 }) {
        result[index][slot] = values
      }
    }
    return result
  }

  /// One slot of all parameters.
  ///
  /// γ is applied once for each power, so that γ² rests on the same map as γ.
  private func mapped(
    _ slot: StateSlot, of slots: [[StateSlot: [Double]]]
  ) throws -> [[Double]] {
    let counts = sourceParameters.map(\.shape.elementCount)
    let ones = try mapped(gradients: counts.map { [Double](repeating: 1, count: $0) })
    let values = zip(slots, counts).map { $0[slot] ?? [Double](repeating: 0, count: $1) }
    return zip(try mapped(gradients: values), ones).map { values, gammas in
      zip(values, gammas).map { value, gamma in
        (1..<max(1, slot.power)).reduce(value) { value, _ in value * gamma }
      }
    }
  }
}
