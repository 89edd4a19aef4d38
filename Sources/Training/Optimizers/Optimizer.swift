// SPDX-License-Identifier: Apache-2.0
import Architectures
import Documents

/// A rule by which gradients change parameters: its settings, what it keeps of a parameter, and the
/// update that it asks of an engine.
///
/// A new one is a file beside this one and an entry of ``OptimizerConfiguration/known``; recipes, states,
/// reports, growths and the documentation's table know it from its declarations.
public protocol Optimizer: Sendable, Hashable, Codable {
  /// The word for it in recipes and files.
  static var key: String { get }
  /// What people call it.
  static var name: String { get }
  /// Its settings, in the order of tables.
  static var settings: [OptimizerSetting<Self>] { get }
  /// All that it keeps of some parameter.
  static var slots: [StateSlot] { get }
  /// Whether a grown model can go on as the small one would have, since multiplying a parameter's gradient
  /// and ε by γ changes no step.
  static var keepsTrajectory: Bool { get }

  /// The settings where nothing is said.
  static var usual: Self { get }

  /// AdamW's settings, which train whatever the optimizer does not; all of them for AdamW itself.
  var adamW: AdamWConfiguration { get set }

  /// The name and the settings, as reports tell them.
  var summary: String { get }

  /// What is kept of a parameter.
  func slots(of parameter: ParameterSpec) -> [StateSlot]

  /// The factors by which an update multiplies what a parameter's slots held before it.
  func memories(of parameter: ParameterSpec) -> [Double]

  /// Whether all singular values of a parameter's steps are near one another.
  func orthogonalises(_ parameter: ParameterSpec) -> Bool

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
}

extension Optimizer {
  /// The name and all settings that have a label.
  public var summary: String { summary(of: Self.settings) }

  /// The name and some settings.
  func summary(of settings: [OptimizerSetting<Self>]) -> String {
    let values = settings.compactMap { setting in
      setting.label.map { "\($0) \(setting.get(self))" }
    }
    return ([Self.name] + values).joined(separator: ", ")
  }

  /// No.
  public func orthogonalises(_ parameter: ParameterSpec) -> Bool { false }

  /// Counts an update of each parameter, and forgets new entries that are trained as all others from
  /// here on.
  ///
  /// - Parameter parameters: what the parameters are, in the order of their clocks.
  public func advance(_ clocks: inout [ParameterClock], of parameters: [ParameterSpec]) {
    for (index, parameter) in parameters.enumerated() {
      clocks[index].advance(memories: memories(of: parameter))
    }
  }

  /// Checks the settings.
  ///
  /// - Parameter key: the key of the optimizer in error messages.
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate(_ key: String = "optimizer") throws {
    for setting in Self.settings {
      let (value, subject) = (setting.get(self), "\(key).\(setting.key)")
      try TrainingError.check(
        setting.form.takes(value), subject, "got \(value); expected \(setting.form.expected)")
      guard case .number = setting.form, case .number(let number) = value else { continue }
      let largest = AdamWConfiguration.largestNumber
      try TrainingError.check(
        number <= largest, subject,
        "\(number) is more than \(largest), the largest number of float32")
    }
  }
}

/// In files settings stand under their keys; none of a number that may be none is left out.
extension Optimizer {
  /// Reads all settings.
  public init(from decoder: any Decoder) throws {
    self = Self.usual
    let fields = try FieldCoder(reading: decoder)
    for setting in Self.settings { try setting.code(fields, &self, of: nil) }
  }

  /// Writes all settings.
  public func encode(to encoder: any Encoder) throws {
    var copy = self
    let fields = FieldCoder(writing: encoder)
    for setting in Self.settings { try setting.code(fields, &copy, of: self) }
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
