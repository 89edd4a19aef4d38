// SPDX-License-Identifier: Apache-2.0
import Architectures
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
  /// The first small model's parameter that the numbers come from; nil where all are new.
  var origin: Int?
  /// The steps in order; none where the tensor stays what it is.
  var steps: [Step]

  /// What tells whether two chains make the same numbers.
  struct Course: Hashable {
    private let part: StatePart
    private let origin: Int?
    private let steps: [Step]

    fileprivate init(_ chain: GrowthChain) {
      (part, origin, steps) = (chain.part, chain.origin, chain.steps)
    }
  }

  /// What becomes of the origin.
  var course: Course { Course(self) }
}

extension GrowthPath {
  /// What a step does.
  func growth(_ step: GrowthChain.Step) -> TensorGrowth { steps[step.plan].tensors[step.index] }

  /// The chain of one part of a parameter of the last model; nil for moments that it does not have.
  ///
  /// - Parameter isThere: whether the first model has a part of a parameter.
  func chain(
    of index: Int, _ part: StatePart, where isThere: (Int, StatePart) -> Bool
  ) -> GrowthChain? {
    let target = steps.last?.tensors[index].target ?? sourceParameters[index]
    var chained: [GrowthChain.Step] = []
    var position = index
    for (plan, step) in steps.enumerated().reversed() {
      let growth = step.tensors[position]
      if part != .value, growth.source == nil || !growth.keepsMoments(options.moments) {
        return nil
      }
      let link = GrowthChain.Step(plan: plan, index: position, part: part)
      guard let source = growth.source else {
        chained.append(link)
        return GrowthChain(target: target, part: part, origin: nil, steps: chained.reversed())
      }
      let staysAsItIs =
        step.sourceParameters[source].shape == growth.target.shape
        && growth.leavesUnchanged(part, options.moments)
      if !staysAsItIs { chained.append(link) }
      position = source
    }
    guard isThere(position, part) else { return nil }
    return GrowthChain(target: target, part: part, origin: position, steps: chained.reversed())
  }
}

extension TensorGrowth {
  /// Whether a part comes out as it was in the small model.
  func leavesUnchanged(_ part: StatePart, _ moments: MomentPolicy) -> Bool {
    let scale = part == .value ? valueScale : gradientScale
    let isIdentity = axes.allSatisfy { axis in
      axis.runs.allSatisfy {
        $0.source == .indices($0.start) && $0.copy == 0
          && (part == .value ? $0.value : $0.gradient) == 1
      }
    }
    return source != nil && isIdentity && scale == 1 && pattern == .dense
      && (part == .value ? noise == nil && sourceRounding == nil : keepsMoments(moments))
  }
}
