// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents

/// A rule by which gradients change parameters: its settings, what it keeps of a parameter, and the
/// update that it asks of an engine.
public protocol Optimizer: Sendable, Hashable, Codable {
  /// AdamW's settings, which train whatever the optimizer does not; all of them for AdamW itself.
  var adamW: AdamWConfiguration { get set }

  /// What is kept of a parameter.
  func slots(of parameter: ParameterSpec) -> [StateSlot]

  /// The factors by which an update multiplies what a parameter's slots held before it.
  func memories(of parameter: ParameterSpec) -> [Double]

  /// The next update of a parameter.
  ///
  /// A parameter's learning-rate multiplier, and that of its new entries, scales its step, not its
  /// decay, so that the product of learning rate and decay stays what it was where growth changes the
  /// rate.
  ///
  /// - Parameters:
  ///   - clock: its counts and multipliers before the step.
  ///   - learningRate: the schedule's rate of the step.
  func update(
    of parameter: ParameterSpec, clock: ParameterClock, learningRate: Double
  ) -> ParameterUpdate

  /// Checks the settings.
  ///
  /// - Parameter key: the key of the optimizer in error messages.
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  func validate(_ key: String) throws
}

extension Optimizer {
  /// Counts an update of each parameter, and forgets new entries that are trained as all others from
  /// here on.
  ///
  /// - Parameter parameters: what the parameters are, in the order of their clocks.
  public func advance(_ clocks: inout [ParameterClock], of parameters: [ParameterSpec]) {
    for (index, parameter) in parameters.enumerated() {
      clocks[index].advance(memories: memories(of: parameter))
    }
  }
}

/// One update of one parameter, which every engine carries out.
public enum ParameterUpdate: Sendable, Hashable {
  case adamW(AdamWUpdate)
  case muon(MuonUpdate)

  /// The slots that it reads and writes.
  public var slots: [StateSlot] {
    switch self {
    case .adamW: [.firstMoment, .secondMoment]
    case .muon: [.momentum]
    }
  }
}

/// The optimizer of a training.
///
/// Settings that all optimizers have (`clip`, `weightDecay`, `decayRule`), and AdamW's, are read and
/// written as if they were its own.
@dynamicMemberLookup
public enum OptimizerConfiguration: Sendable, Hashable {
  case adamW(AdamWConfiguration)
  case muon(MuonConfiguration)

  /// The word for it in recipes and files.
  public enum Kind: String, Sendable, Hashable, CaseIterable, Codable {
    case adamW, muon
  }

  /// The word for it in recipes and files.
  public var kind: Kind {
    switch self {
    case .adamW: .adamW
    case .muon: .muon
    }
  }

  private var optimizer: any Optimizer {
    switch self {
    case .adamW(let optimizer): optimizer
    case .muon(let optimizer): optimizer
    }
  }

  /// AdamW's settings.
  public var adamW: AdamWConfiguration {
    get { optimizer.adamW }
    set {
      switch self {
      case .adamW: self = .adamW(newValue)
      case .muon(var muon):
        muon.adamW = newValue
        self = .muon(muon)
      }
    }
  }

  /// One of AdamW's settings.
  public subscript<Value>(
    dynamicMember member: WritableKeyPath<AdamWConfiguration, Value>
  ) -> Value {
    get { adamW[keyPath: member] }
    set { adamW[keyPath: member] = newValue }
  }

  /// What is kept of a parameter.
  public func slots(of parameter: ParameterSpec) -> [StateSlot] {
    optimizer.slots(of: parameter)
  }

  /// The next update of each parameter.
  ///
  /// - Parameters:
  ///   - learningRate: the schedule's rate of the step.
  ///   - parameters: what the parameters are, in the program's order.
  ///   - clocks: their counts and multipliers before the step, in the same order.
  public func updates(
    learningRate: Double, parameters: [ParameterSpec], clocks: [ParameterClock]
  ) -> [ParameterUpdate] {
    let optimizer = optimizer
    return zip(parameters, clocks).map {
      optimizer.update(of: $0, clock: $1, learningRate: learningRate)
    }
  }

  /// Counts an update of each parameter, and forgets new entries that are trained as all others from
  /// here on.
  ///
  /// - Parameter parameters: what the parameters are, in the order of their clocks.
  public func advance(_ clocks: inout [ParameterClock], of parameters: [ParameterSpec]) {
    optimizer.advance(&clocks, of: parameters)
  }

  /// Checks the settings.
  ///
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate(_ key: String = "optimizer") throws { try optimizer.validate(key) }
}

/// In files the kind stands beside the optimizer's settings; without one they are AdamW's.
extension OptimizerConfiguration: FieldCoded {
  package init(_ fields: FieldCoder, of old: OptimizerConfiguration?) throws {
    switch try fields.field("kind", old?.kind, default: .adamW) {
    case .adamW:
      let settings: AdamWConfiguration? = if case .adamW(let known)? = old { known } else { nil }
      self = .adamW(try fields.beside(settings))
    case .muon:
      let settings: MuonConfiguration? = if case .muon(let known)? = old { known } else { nil }
      self = .muon(try fields.beside(settings))
    }
  }
}

extension TrainingSession {
  /// Clips by the global norm, and updates every parameter as AdamW does.
  ///
  /// - Returns: as ``update(_:clip:)-(_,_)``.
  public func update(_ updates: [AdamWUpdate], clip: Double?) throws -> Double {
    try update(updates.map { .adamW($0) }, clip: clip)
  }
}
