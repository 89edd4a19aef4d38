// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One parameter as training holds it.
public struct ParameterState: Sendable {
  /// The value, float32, shaped as the spec says.
  public var value: HostTensor
  /// What the optimizer keeps; a missing slot stands for zeros.
  public var slots: [StateSlot: HostTensor]
  /// Updates that the moments have seen; bias correction needs it, and growth starts new
  /// parameters at 0.
  public var stepCount: Int
  /// Factor on the scheduled learning rate.
  public var learningRateMultiplier: Double
  /// Factor on AdamW's ε.
  public var epsilonMultiplier: Double
  /// Entries with a rate or a count of their own, by growths, the oldest first.
  public var newEntries: [NewEntries] = []

  /// A parameter before its first update.
  public init(
    value: HostTensor, firstMoment: HostTensor? = nil, secondMoment: HostTensor? = nil,
    stepCount: Int = 0, learningRateMultiplier: Double = 1, epsilonMultiplier: Double = 1
  ) {
    self.value = value
    slots = [:]
    self.stepCount = stepCount
    self.learningRateMultiplier = learningRateMultiplier
    self.epsilonMultiplier = epsilonMultiplier
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
  }

  /// A parameter with a value and the counts and multipliers of a clock; its slots are empty.
  package init(value: HostTensor, clock: ParameterClock) {
    self.init(value: value)
    set(clock)
  }

  /// Takes over the counts and multipliers of a clock.
  package mutating func set(_ clock: ParameterClock) {
    stepCount = clock.stepCount
    learningRateMultiplier = clock.learningRateMultiplier
    epsilonMultiplier = clock.epsilonMultiplier
    newEntries = clock.newEntries
  }

  /// The slots that an engine gives back of the parameter before its first update: those that it has, and
  /// AdamW's where it has none.
  package var keptSlots: [StateSlot] {
    slots.isEmpty ? [.firstMoment, .secondMoment] : StateSlot.all.filter { slots[$0] != nil }
  }

  /// AdamW's running mean of gradients; nil stands for zeros.
  public var firstMoment: HostTensor? {
    get { slots[.firstMoment] }
    set { slots[.firstMoment] = newValue }
  }

  /// AdamW's running mean of squared gradients; nil stands for zeros.
  public var secondMoment: HostTensor? {
    get { slots[.secondMoment] }
    set { slots[.secondMoment] = newValue }
  }

  /// One of its tensors; nil for zeros.
  public subscript(part: StatePart) -> HostTensor? {
    switch part {
    case .value: value
    case .slot(let slot): slots[slot]
    }
  }
}
