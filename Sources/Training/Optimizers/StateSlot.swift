// SPDX-License-Identifier: Apache-2.0

/// One of the tensors that an optimizer keeps of a parameter, each shaped like it.
///
/// Files and growth know slots, not optimizers: a growth that multiplies a parameter's gradient by γ
/// multiplies a slot by γ to the slot's power.
public struct StateSlot: Sendable, Hashable {
  /// What stands before the parameter's name in files: `first_moment`.
  public let name: String
  /// What a person calls it: `first moment`.
  public var label: String { name.replacing("_", with: " ") }
  /// The power of the gradient whose running mean it is.
  public let power: Int

  init(_ name: String, power: Int) {
    self.name = name
    self.power = power
  }

  /// AdamW's running mean of gradients.
  public static let firstMoment = StateSlot("first_moment", power: 1)
  /// AdamW's running mean of squared gradients.
  public static let secondMoment = StateSlot("second_moment", power: 2)
  /// All that any optimizer keeps, in the order of files.
  public static let all: [StateSlot] = OptimizerConfiguration.known.reduce(into: []) {
    all, optimizer in
    all += optimizer.slots.filter { !all.contains($0) }
  }
}

/// One of the tensors of a parameter's state.
public enum StatePart: Sendable, Hashable {
  /// The value.
  case value
  /// What an optimizer keeps of it.
  case slot(StateSlot)

  /// AdamW's running mean of gradients.
  public static let firstMoment = StatePart.slot(.firstMoment)
  /// AdamW's running mean of squared gradients.
  public static let secondMoment = StatePart.slot(.secondMoment)
  /// Every part that a state may have, in the order of files.
  public static let all: [StatePart] = [.value] + StateSlot.all.map { .slot($0) }

  /// The power of the gradient that it holds; 0 for the value.
  package var power: Int {
    switch self {
    case .value: 0
    case .slot(let slot): slot.power
    }
  }

  /// What stands before a parameter's name in messages: `first moment of `; nothing for the value.
  package var prefix: String {
    switch self {
    case .value: ""
    case .slot(let slot): slot.label + " of "
    }
  }
}
