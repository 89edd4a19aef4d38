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
  /// AdamW's means of gradients.
  public var firstMoments: [[Double]]
  /// AdamW's means of squared gradients.
  public var secondMoments: [[Double]]
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
    firstMoments = try zip(state.parameters, values).map {
      try Self.doubles($0.firstMoment, like: $1)
    }
    secondMoments = try zip(state.parameters, values).map {
      try Self.doubles($0.secondMoment, like: $1)
    }
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
    let mapsMoments = path.options.moments == .mapped
    firstMoments =
      mapsMoments ? try path.mapped(gradients: small.firstMoments) : given.firstMoments
    secondMoments =
      mapsMoments ? try path.mapped(secondMoments: small.secondMoments) : given.secondMoments
    try check()
  }

  /// The model as it is.
  public func makeSession() throws -> any MeasuredSession { try ExactSession(self) }

  private func check() throws {
    try VerificationError.check(
      values.count == program.parameters.count && clocks.count == values.count, .mismatch,
      "parameters", "\(values.count) for a model of \(program.parameters.count)")
    for (spec, parts) in zip(program.parameters, zip(values, zip(firstMoments, secondMoments))) {
      let counts = [parts.0.count, parts.1.0.count, parts.1.1.count]
      try VerificationError.check(
        counts.allSatisfy { $0 == spec.shape.elementCount }, .mismatch, spec.name,
        "value and moments have \(counts) elements; expected \(spec.shape)")
    }
  }

  private static func doubles(_ tensor: HostTensor) throws -> [Double] {
    try tensor.converted(to: .float32).floats.map(Double.init)
  }

  private static func doubles(_ tensor: HostTensor?, like values: [Double]) throws -> [Double] {
    try tensor.map { try doubles($0) } ?? [Double](repeating: 0, count: values.count)
  }
}

extension GrowthPath {
  /// γ² times the small model's means of squared gradients.
  ///
  /// γ is applied twice, so that γ² rests on the same map as γ.
  func mapped(secondMoments: [[Double]]) throws -> [[Double]] {
    let ones = secondMoments.map { [Double](repeating: 1, count: $0.count) }
    return zip(try mapped(gradients: secondMoments), try mapped(gradients: ones)).map {
      zip($0, $1).map { $0 * $1 }
    }
  }
}
