// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Text
import Training

/// Entries of a tensor that two steps gave no gradient: ``Guarantee/liveness``.
public struct DeadParameter: Sendable, Hashable, Codable {
  /// The tensor.
  public var name: String
  /// The axis along which ``units`` are counted; nil where the whole tensor is dead.
  public var axis: Int?
  /// The dead indices of the axis; empty where the whole tensor is dead.
  public var units: [Int]

  /// Finds what has no gradient before a step nor after it, not even one that may be rounding
  /// (``MeasuredModel/gradientRounding``).
  ///
  /// Tokens that the batches do not hold, positions that they do not reach and experts that no token takes
  /// have none, and neither have the keys' biases, which the softmax does not see; they do not count.
  ///
  /// - Parameter batches: one for each of the steps, with sequences of two tokens at least.
  /// - Throws: the errors of the model; ``VerificationError`` for less than two batches.
  public static func find(
    in model: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws -> [DeadParameter] {
    try check(batches)
    return find(try GradientWatch(model, batches: batches, training: training), model.program)
  }

  /// What is dead in a grown model that a small model's own zeros do not keep waiting.
  ///
  /// A growth keeps parameters waiting for one step. A small model that comes from a growth itself, and has
  /// not trained since, has parameters that wait already: then there is one step more. What comes from
  /// parameters that have no gradient in the small model after as many steps (a pruned unit, a softmax
  /// that is 1 in float64), or stands in their place, was not killed by the growth, and does not count.
  static func search(
    _ grown: any MeasuredModel, of small: any MeasuredModel, by path: GrowthPath?,
    batches: [TokenBatch], smallBatch: TokenBatch, training: MeasuredTraining
  ) throws -> Search {
    try check(batches)
    let program = grown.program
    let training = training.atUsualRate
    let first = Search(try watch(grown, batches: batches, training: training), program)
    guard first.isTroubled,
      try !find(
        GradientWatch(small, batches: [smallBatch], training: training), small.program,
        atLeast: .some
      ).isEmpty
    else { return first }
    let before = try GradientWatch(
      small, batches: Array(repeating: smallBatch, count: batches.count + 1), training: training)
    let longer = try watch(grown, batches: batches + batches.prefix(1), training: training)
    guard let path else { return Search(longer, program) }
    let waiting = before.mask(.some, of: small.program).map { $0.map { !$0 } }
    return Search(longer, program, excused: path.copiedEntries(of: waiting))
  }

  /// How much larger the steps are that tell small gradients from rounding.
  private static let boldness = 64.0

  /// Watches a grown model, and where gradients may be rounding a second time with larger steps.
  ///
  /// Behind several parameters that growth left at zero (the gains of a new block) a gradient is a product of
  /// what the first step gave to each, and may be below the rounding of all others; it grows with the step,
  /// which rounding does not. What is exactly zero stays dead.
  private static func watch(
    _ grown: any MeasuredModel, batches: [TokenBatch], training: MeasuredTraining
  ) throws -> GradientWatch {
    var watch = try GradientWatch(grown, batches: batches, training: training)
    guard watch.notFinite == nil, watch.hasFaint else { return watch }
    var bolder = training
    bolder.learningRate *= boldness
    watch.confirm(by: try GradientWatch(grown, batches: batches, training: bolder))
    return watch
  }

  private static func check(_ batches: [TokenBatch]) throws {
    try VerificationError.check(
      batches.count > 1 && batches.allSatisfy { $0.sequenceLength > 1 && $0.targetCount > 0 },
      .invalidBatch, subject: "batches",
      "expected two or more, of sequences of two tokens or more; one token attends to itself only")
  }

  /// What was found.
  struct Search {
    /// What has no gradient; none where gradients are no numbers.
    let dead: [DeadParameter]
    /// What has one that may be rounding.
    private let faint: [DeadParameter]
    private let watch: GradientWatch

    /// - Parameter excused: entries that count as alive.
    fileprivate init(_ watch: GradientWatch, _ program: Program, excused: [[Bool]]? = nil) {
      self.watch = watch
      dead = watch.notFinite == nil ? find(watch, program, excused: excused) : []
      faint = find(watch, program, atLeast: .some, excused: excused)
    }

    /// Whether something is not alive that the small model may excuse.
    fileprivate var isTroubled: Bool { watch.notFinite == nil && !faint.isEmpty }

    /// The number of dead parameters.
    var measurement: MeasuredNumber {
      if let name = watch.notFinite {
        let place = "the gradient of \(name)"
        return MeasuredNumber(.nan, place, doubt: "\(place) is not finite")
      }
      if let dead = dead.first {
        return MeasuredNumber(
          Double(self.dead.count), dead.description,
          doubt: watch.leavesRange
            ? "numbers are too large or too small for the arithmetic, so gradients may be lost"
            : nil)
      }
      return MeasuredNumber(
        Double(faint.count), faint.first?.description,
        doubt: faint.isEmpty
          ? nil : "gradients are no larger, beside all others, than their rounding")
    }
  }

  /// The dead parts of all tensors: entries that are below some gradient and not excused.
  private static func find(
    _ watch: GradientWatch, _ program: Program, atLeast least: GradientWatch.Gradient = .faint,
    excused: [[Bool]]? = nil
  ) -> [DeadParameter] {
    program.parameters.indices.flatMap { index in
      var live = watch.entries[index].map { $0 >= least }
      if let excused { live = zip(live, excused[index]).map { $0 || $1 } }
      return find(program.parameters[index], live: live, watch.seen)
    }
  }

  /// The dead parts of one tensor.
  private static func find(
    _ spec: ParameterSpec, live: [Bool], _ seen: SeenUnits
  ) -> [DeadParameter] {
    guard seen.contains(spec) else { return [] }
    let counted = spec.axes.map { axis in
      axis.units.map { seen.contains($0.space, $0.unit, of: spec) }
    }
    guard counted.allSatisfy({ $0.contains(true) }) else { return [] }
    guard live.contains(true) else { return [DeadParameter(name: spec.name, units: [])] }
    var stride = live.count
    return spec.axes.indices.compactMap { axis in
      let size = spec.axes[axis].size
      stride /= size
      var lives = [Bool](repeating: false, count: size)
      for element in live.indices where live[element] { lives[element / stride % size] = true }
      let dead = (0..<size).filter { counted[axis][$0] && !lives[$0] }
      return dead.isEmpty ? nil : DeadParameter(name: spec.name, axis: axis, units: dead)
    }
  }

  /// For people: `h.1.attn.c_attn.weight, units 4, 5 of axis 0`.
  public var description: String {
    guard let axis else { return name }
    let listed = units.prefix(4).map(String.init).joined(separator: ", ")
    return "\(name), \(units.count > 4 ? "\(units.count) units (\(listed), …)" : "units \(listed)")"
      + " of axis \(axis)"
  }
}
