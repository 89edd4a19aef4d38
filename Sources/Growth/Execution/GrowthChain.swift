// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Tensors
import Training

/// How one tensor of the last grown model comes from one of the first small one, through all growths:
/// only those that change it are steps of it.
struct GrowthChain: Sendable {
  /// One growth of one tensor.
  struct Step: Sendable, Hashable {
    /// The growth's number.
    var plan: Int
    /// The grown tensor's number among its model's parameters.
    var index: Int
    /// The part of the parameter.
    var part: StatePart
  }

  /// What comes out.
  var target: ParameterSpec
  /// The part of the parameter.
  var part: StatePart
  /// Where the numbers come from; nil where all are new.
  var source: TensorLocation?
  /// The steps in order; none where the tensor stays what it is.
  var steps: [Step]
}

/// All tensors of a growth from files.
struct GrowthChains: Sendable {
  let plans: [GrowthPlan]
  let options: GrowthOptions
  /// What each growth does to each of its tensors.
  let growths: [[TensorGrowth]]
  private let sourceShapes: [[Shape]]
  private let specs: [ParameterSpec]

  init(_ plans: [GrowthPlan], options: GrowthOptions) throws {
    self.plans = plans
    self.options = options
    if let first = plans.first { try plans.check(from: first.source) }
    growths = try plans.map { try $0.tensors() }
    sourceShapes = try plans.map { try $0.source.program().parameters.map(\.shape) }
    specs = try plans.last?.target.program().parameters ?? []
  }

  /// What a step does.
  func growth(_ step: GrowthChain.Step) -> TensorGrowth { growths[step.plan][step.index] }

  /// The chain of one part of a parameter of the last model; nil for moments that it does not have.
  ///
  /// - Parameter location: where the first model's tensors are; nil for those that it has not.
  func chain(
    of index: Int, _ part: StatePart, from location: (Int, StatePart) -> TensorLocation?
  ) -> GrowthChain? {
    var steps: [GrowthChain.Step] = []
    var position = index
    for plan in plans.indices.reversed() {
      let growth = growths[plan][position]
      if part != .value, growth.source == nil || !growth.keepsMoments(options.moments) {
        return nil
      }
      let step = GrowthChain.Step(plan: plan, index: position, part: part)
      guard let source = growth.source else {
        steps.append(step)
        return GrowthChain(
          target: specs[index], part: part, source: nil, steps: steps.reversed())
      }
      let staysAsItIs =
        sourceShapes[plan][source] == growth.target.shape
        && growth.leavesUnchanged(part, options.moments)
      if !staysAsItIs { steps.append(step) }
      position = source
    }
    guard let source = location(position, part) else { return nil }
    return GrowthChain(target: specs[index], part: part, source: source, steps: steps.reversed())
  }

  /// The counts and multipliers of the last model's parameters.
  func clocks(of small: [ParameterClock]) -> [ParameterClock] {
    growths.reduce(small) { clocks, growths in
      growths.map { growth in
        growth.clock(of: growth.source.map { clocks[$0] }, moments: options.moments)
      }
    }
  }
}
