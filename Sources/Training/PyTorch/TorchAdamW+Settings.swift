// SPDX-License-Identifier: Apache-2.0
import Architectures

/// What groups of PyTorch's mean in this library.
public struct TorchAdamWSettings: Sendable, Hashable {
  /// The scheduled rate of the next step.
  public var learningRate: Double
  /// The optimizer; its clip is what the file says, and none where it says nothing.
  public var optimizer: AdamWConfiguration
  /// Counts and multipliers of the program's parameters, in its order.
  public var clocks: [ParameterClock]
}

extension TorchAdamW {
  /// The settings in this library's terms.
  ///
  /// - Parameter file: the file's name, for errors.
  /// - Throws: ``TrainingError`` of code `invalidState` for parameters that are missing, unknown or in
  ///   two groups, and for settings that this library's AdamW does not have: several βs, several
  ///   decays, a decay of other parameters than all or the matrices.
  public func settings(
    for model: ModelConfiguration, file: String
  ) throws -> TorchAdamWSettings {
    let program = try model.program()
    let parameters = try model.transformersParameters()
    try checkNames(parameters.map(\.name), file)
    guard let first = groups.first(where: { !$0.parameters.isEmpty }) else {
      throw TrainingError(.invalidState, "has no parameters in its param_groups", subject: file)
    }
    let context = Context(file: file, groups: groups.filter { !$0.parameters.isEmpty })
    let rates = try context.base(
      "lr", \.learningRate, multiplier: \.learningRateMultiplier, given: defaults?.learningRate)
    let epsilons = try context.base(
      "eps", \.epsilon, multiplier: \.epsilonMultiplier, given: defaults?.epsilon)
    try context.checkBetas(first)
    var optimizer = AdamWConfiguration(
      beta1: first.beta1, beta2: first.beta2, epsilon: epsilons.base, clip: clip)
    optimizer.weightDecay = try context.decay(rates.multipliers, defaults?.weightDecay)
    optimizer.decayRule = try context.decayRule(parameters, program.parameters)
    try optimizer.validate(file)
    var clocks: [Int: ParameterClock] = [:]
    let groupOf = context.groupOfParameter
    for parameter in parameters {
      let group = groupOf[parameter.name] ?? 0
      for part in parameter.parts {
        clocks[part] = ParameterClock(
          name: program.parameters[part].name, stepCount: stepCount(of: parameter.name),
          learningRateMultiplier: rates.multipliers[group],
          epsilonMultiplier: epsilons.multipliers[group])
      }
    }
    return TorchAdamWSettings(
      learningRate: rates.base, optimizer: optimizer,
      clocks: program.parameters.indices.compactMap { clocks[$0] })
  }

  /// Checks that the groups hold exactly the model's parameters.
  private func checkNames(_ expected: [String], _ file: String) throws {
    let names = groups.flatMap(\.parameters)
    let repeated = Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    let problems = [
      ("missing parameters", Set(expected).subtracting(names).sorted()),
      ("unexpected parameters", Set(names).subtracting(expected).sorted()),
      ("parameters in two groups", repeated),
      (
        "counts of unknown parameters",
        Set(steps.keys).union(parametersWithoutState).subtracting(expected).sorted()
      ),
    ]
    try TorchOptimizerFile.check(problems, "its param_groups are not the model's", file)
  }
}

/// The groups, seen together.
private struct Context {
  let file: String
  let groups: [TorchAdamW.Group]

  /// How far two numbers may lie apart that a division and a multiplication have parted.
  private static let rounding = 1e-9

  private static func isSame(_ one: Double, _ other: Double) -> Bool {
    abs(one - other) <= rounding * max(abs(one), abs(other))
  }

  /// A number without multipliers, and the groups' multipliers.
  func base(
    _ key: String, _ value: KeyPath<TorchAdamW.Group, Double>,
    multiplier: KeyPath<TorchAdamW.Group, Double?>, given: Double?
  ) throws -> (base: Double, multipliers: [Double]) {
    let base =
      groups.first { ($0[keyPath: multiplier] ?? 1) == 1 }?[keyPath: value]
      ?? Self.base(groups[0][keyPath: value], groups[0][keyPath: multiplier] ?? 1, given)
    let multipliers = try groups.enumerated().map { number, group in
      let own = group[keyPath: value]
      guard let stated = group[keyPath: multiplier] else { return own == base ? 1 : own / base }
      guard Self.isSame(own, base * stated) else {
        throw failure(
          number,
          "\(key) is \(own), and \(key)_multiplier \(stated) of \(base) is \(base * stated); correct "
            + "one of them, or remove \(key)_multiplier")
      }
      return stated
    }
    guard multipliers.allSatisfy(\.isFinite) else {
      throw failure(
        0,
        "\(key) is 0 here and not in other groups, so that no factor leads from one to the other; "
          + "give every group its \(key)_multiplier")
    }
    return (base, multipliers)
  }

  private static func base(_ value: Double, _ multiplier: Double, _ given: Double?) -> Double {
    if let given, isSame(value, given * multiplier) { return given }
    return multiplier == 0 ? given ?? value : value / multiplier
  }

  func checkBetas(_ first: TorchAdamW.Group) throws {
    for (number, group) in groups.enumerated()
    where group.beta1 != first.beta1 || group.beta2 != first.beta2 {
      throw failure(
        number,
        "betas are \(group.beta1), \(group.beta2), and \(first.beta1), \(first.beta2) in another "
          + "group; expected the same in all")
    }
  }

  /// The one decay of all groups that decay; 0 where none does.
  func decay(_ multipliers: [Double], _ given: Double?) throws -> Double {
    let decaying = groups.indices.filter { groups[$0].weightDecay != 0 }
    guard let first = decaying.first else { return 0 }
    let whole = decaying.first { multipliers[$0] == 1 } ?? first
    var decay = groups[whole].weightDecay * multipliers[whole]
    if let given, Self.isSame(decay, given) { decay = given }
    for number in decaying
    where !Self.isSame(groups[number].weightDecay * multipliers[number], decay) {
      throw failure(
        number,
        "weight_decay \(groups[number].weightDecay) at lr \(groups[number].learningRate) is another "
          + "decay than \(groups[whole].weightDecay) at \(groups[whole].learningRate); expected the same "
          + "product of both wherever there is decay")
    }
    return decay
  }

  /// Which parameters decay.
  func decayRule(
    _ parameters: [TransformersParameter], _ specs: [ParameterSpec]
  ) throws -> AdamWConfiguration.DecayRule {
    let groupOf = groupOfParameter
    let decaying = Set(
      parameters.filter { groups[groupOf[$0.name] ?? 0].weightDecay != 0 }.map(\.name))
    if decaying.isEmpty { return .matrices }
    func names(_ rule: AdamWConfiguration.DecayRule) -> Set<String> {
      Set(parameters.filter { rule.applies(to: specs[$0.parts[0]]) }.map(\.name))
    }
    if decaying == names(.matrices) { return .matrices }
    if decaying == names(.all) { return .all }
    let odd = names(.matrices).symmetricDifference(decaying).sorted()
    throw TrainingError(
      .invalidState,
      "decays \(decaying.count) of \(parameters.count) parameters; expected all of them, the matrices "
        + "and embeddings, or none. Other than with the matrices: "
        + TorchOptimizerFile.list(odd), subject: file)
  }

  /// The number of each parameter's group.
  var groupOfParameter: [String: Int] {
    var result: [String: Int] = [:]
    for (number, group) in groups.enumerated() {
      for name in group.parameters { result[name] = number }
    }
    return result
  }

  private func failure(_ number: Int, _ message: String) -> TrainingError {
    TrainingError(.invalidState, "group \(number): \(message)", subject: file)
  }
}
