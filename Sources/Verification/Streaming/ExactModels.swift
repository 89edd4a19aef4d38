// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Interpretation
import LinearAlgebra
import Synchronization
import Text
import Training

/// A small and a grown model in float64, of any size: the small one as its files hold it, the grown one
/// made again from them, row by row, as its plans say.
struct ExactModels {
  /// Both models' parameters.
  let parameters: LockStep.Exact
  /// The grown model's files beside what the plans make; nil without plans, where the files' own
  /// values are computed with.
  let replay: ReplayComparison?

  /// - Throws: the errors of Growth for plans of another model, and of Checkpoints.
  init(_ verification: StreamingVerification, _ batch: TokenBatch) throws {
    let (small, grown) = (verification.small, verification.grown)
    var larger: any ParameterSource<Double> = try StoredParameters(grown)
    if let path = verification.path, !path.steps.isEmpty {
      let rows = try GrownRows(of: small, by: path, types: grown.types)
      let replay = ReplayComparison(try StoredParameters(grown))
      larger = Self.made(by: rows, grown.program, replay)
      self.replay = replay
    } else {
      replay = nil
    }
    parameters = LockStep.Exact(
      small: try StoredParameters(small), grown: larger, batch: batch)
  }

  /// Compares all rows of the embeddings, of which a batch looks up only some.
  ///
  /// - Throws: as reading the files does.
  func replayEmbeddings(of program: Program, _ arithmetic: MatrixArithmetic) throws {
    guard replay != nil, let larger = parameters.grown else { return }
    for (index, spec) in program.parameters.enumerated()
    where spec.role == .tokenEmbedding || spec.role == .positionEmbedding {
      let (rows, width) = (spec.shape[0], spec.shape[1])
      let step = min(rows, max(1, (1 << 20) / max(1, width)))
      let buffer = UnsafeMutablePointer<Double>.allocate(capacity: step * width)
      defer { buffer.deallocate() }
      buffer.initialize(repeating: 0, count: step * width)
      for first in stride(from: 0, to: rows, by: step) {
        let end = min(first + step, rows)
        try larger.read(index, first * width..<end * width, into: buffer, arithmetic)
      }
    }
  }

  private static func made(
    by rows: GrownRows, _ program: Program, _ replay: ReplayComparison
  ) -> MadeParameters<Double> {
    let widths = program.parameters.map { $0.shape.extents.last ?? 1 }
    return MadeParameters { parameter, elements, target, arithmetic in
      let width = max(1, widths[parameter])
      let first = elements.lowerBound / width
      let failure = Mutex<(any Error)?>(nil)
      nonisolated(unsafe) let target = target
      arithmetic.split(elements.count / width, cost: 30 * width) { part in
        do {
          try rows.fill(
            first + part.lowerBound..<first + part.upperBound, of: parameter,
            into: target + part.lowerBound * width)
        } catch {
          failure.withLock { $0 = error }
        }
      }
      if let error = failure.withLock({ $0 }) { throw error }
      try replay.add(elements, of: parameter, made: target, arithmetic)
    }
  }
}
