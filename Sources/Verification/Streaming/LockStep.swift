// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Interpretation
import LinearAlgebra
import Text

/// A small and a grown model computed side by side on the same tokens, layer by layer, in float32 and,
/// on some of the tokens, in float64.
struct LockStep {
  /// Both models in float64.
  struct Exact {
    var small: any ParameterSource<Double>
    /// Nil where only the small model's own rounding is asked for.
    var grown: (any ParameterSource<Double>)?
    /// The first sequence's first tokens, or the first sequences: rows of the batch from the first on.
    var batch: TokenBatch
  }

  /// What comes of it.
  struct Result {
    var logits: LogitDifference
    var losses: VerificationReport.Losses
    /// From the embeddings on; nil where nobody tells how the model was grown.
    var streams: [StreamDifference]?
    /// The same in float64.
    var exactLogits: LogitDifference?
    /// The small model in float32 beside itself in float64.
    var rounding: ModelRounding?
    /// The grown model beside the small one in float32, as if nothing but rounding parted them.
    var difference: ModelRounding
  }

  let small: LayerwiseModel
  let grown: LayerwiseModel
  var exact: Exact?
  let path: GrowthPath?
  let batch: TokenBatch
  let arithmetic: MatrixArithmetic
  /// Called with what is computed, and the parameters that were read of those to be read.
  let progress: (String, Int, Int) throws -> Void

  /// Computes both models.
  ///
  /// - Throws: ``VerificationError`` for models or batches that do not fit; the errors of Checkpoints
  ///   and of the matrix products; whatever `progress` throws.
  func measure() throws -> Result {
    try VerificationError.check(
      batch.targetCount > 0, .invalidBatch, subject: "batch", "holds no target")
    let counter = ReadCounter(readCount, progress)
    let passes = try Passes(self, didRead: counter.add)
    let streams = try compareStreams(passes, counter)
    counter.part = "blocks"
    try passes.runToHead()
    counter.part = "head"
    let logits = try compareLogits(passes)
    return Result(
      logits: logits.float32.difference, losses: logits.float32.losses, streams: streams,
      exactLogits: logits.float64?.difference,
      rounding: logits.rounding?.rounding(
        residual: streams.map { $0.compactMap(\.rounding).reduce(0, worse) }),
      difference: logits.float32.rounding(residual: streams?.worstFirst.first?.worst))
  }

  private var readCount: Int {
    let counts = [small, grown].map(\.program.readCount)
    return counts[0] + counts[1] + (exact == nil ? 0 : counts[0])
      + (exact?.grown == nil ? 0 : counts[1])
  }

  /// The models on their way.
  private struct Passes {
    let small: Interpreter<Float>
    let grown: Interpreter<Float>
    let exactSmall: Interpreter<Double>?
    let exactGrown: Interpreter<Double>?

    init(_ step: LockStep, didRead: @escaping (Int) throws -> Void) throws {
      small = try step.small.pass(step.batch, step.arithmetic, didRead: didRead)
      grown = try step.grown.pass(step.batch, step.arithmetic, didRead: didRead)
      func pass(
        _ program: Program, _ parameters: (any ParameterSource<Double>)?
      ) throws -> Interpreter<Double>? {
        guard let parameters, let exact = step.exact else { return nil }
        return try Interpreter(
          program, parameters: parameters, batch: exact.batch, arithmetic: step.arithmetic,
          didRead: didRead)
      }
      exactSmall = try pass(step.small.program, step.exact?.small)
      exactGrown = try pass(step.grown.program, step.exact?.grown)
    }

    func runToHead() throws {
      for pass in [small, grown] { try pass.runToHead() }
      for pass in [exactSmall, exactGrown] { try pass?.runToHead() }
    }
  }

  private func compareStreams(
    _ passes: Passes, _ counter: ReadCounter
  ) throws -> [StreamDifference]? {
    guard let path, let small = ResidualStream(passes.small.program),
      let grown = ResidualStream(passes.grown.program)
    else { return nil }
    let map = StreamMap(path)
    counter.part = "embeddings"
    var result = [
      StreamDifference(after: try errors(passes, at: small.start, grown.start, by: map))
    ]
    for counterpart in path.counterparts {
      counter.part = "layer \(counterpart.layer)"
      let block = grown.blocks[counterpart.layer]
      let after = small.point(after: counterpart.smallCount)
      let middle = counterpart.smallLayer.map { small.blocks[$0].attention } ?? after
      result.append(
        StreamDifference(
          layer: counterpart.layer, smallLayer: counterpart.smallLayer,
          afterAttention: try errors(passes, at: middle, block.attention, by: map),
          afterBlock: try errors(passes, at: after, block.feedForward, by: map)))
    }
    return result
  }

  /// Computes both models up to a point of their streams and compares them there.
  private func errors(
    _ passes: Passes, at point: ResidualStream.Point, _ grownPoint: ResidualStream.Point,
    by map: StreamMap
  ) throws -> StreamDifference.AtPoint {
    let small = try passes.small.value(at: point)
    var errors = StreamDifference.AtPoint(
      float32: distance(try passes.grown.value(at: grownPoint), small, map.grown))
    if let exact = try passes.exactSmall?.value(at: point) {
      errors.rounding = distance(small, exact) { $0 }
      if let grown = try passes.exactGrown?.value(at: grownPoint) {
        errors.float64 = distance(grown, exact, map.grown)
      }
    }
    return errors
  }

  /// The worst row's distance, relative to the norm of what it should be; rows that only one of both
  /// has are left out.
  private func distance<Found, Model>(
    _ found: Activations<Found>, _ model: Activations<Model>, _ map: ([Double]) -> [Double?]
  ) -> Double {
    var worst = 0.0
    for index in 0..<min(found.rowCount, model.rowCount) {
      let row = UnsafeBufferPointer(start: model.row(index), count: model.columnCount)
      let found = found.row(index)
      var (difference, norm) = (0.0, 0.0)
      for (column, expected) in map(row.map { Double($0) }).enumerated() {
        guard let expected else { continue }
        let error = Double(found[column]) - expected
        difference += error * error
        norm += expected * expected
      }
      worst = worse(worst, difference == 0 ? 0 : (difference / norm).squareRoot())
    }
    return worst
  }

  private struct Logits {
    var float32: LogitComparison
    var float64: LogitComparison?
    var rounding: LogitComparison?
  }

  private func compareLogits(_ passes: Passes) throws -> Logits {
    let sizes = [small, grown].map(\.program.vocabularySize)
    try VerificationError.check(
      sizes[0] <= sizes[1], .mismatch, subject: "vocabulary",
      "the grown model knows \(sizes[1]) tokens, the small one \(sizes[0]), of which a growth "
        + "removes none; is the small model named first?")
    let width = max(small.program.hiddenSize, grown.program.hiddenSize)
    // Logits of all rows are held too.
    let length = max(width, batch.inputs.count)
    let exactBatch = exact?.batch
    var result = Logits(
      float32: LogitComparison(batch),
      float64: exact?.grown == nil ? nil : exactBatch.map(LogitComparison.init),
      rounding: exactBatch.map(LogitComparison.init))
    for tokens in passes.grown.blocks(rows: sizes[0], length: length) {
      let logits = try passes.small.logits(of: tokens)
      result.float32.add(logits, try passes.grown.logits(of: tokens), from: tokens.lowerBound)
      guard let exact = try passes.exactSmall?.logits(of: tokens) else { continue }
      result.rounding?.add(exact, logits, from: tokens.lowerBound)
      if let grown = try passes.exactGrown?.logits(of: tokens) {
        result.float64?.add(exact, grown, from: tokens.lowerBound)
      }
    }
    for tokens in passes.grown.blocks(rows: sizes[1] - sizes[0], length: length) {
      let first = sizes[0] + tokens.lowerBound
      let new = first..<first + tokens.count
      result.float32.add(try passes.grown.logits(of: new), from: first)
      if let exact = try passes.exactGrown?.logits(of: new) {
        result.float64?.add(exact, from: first)
      }
    }
    return result
  }
}

extension Interpreter {
  /// The stream at one of its points, computed as far as that.
  fileprivate func value(at point: ResidualStream.Point) throws -> Activations<Scalar> {
    try run(through: point.operation)
    return try value(point.value)
  }
}

/// Counts parameters that were read.
private final class ReadCounter {
  var part = "embeddings"
  private let total: Int
  private var done = 0
  private let report: (String, Int, Int) throws -> Void

  init(_ total: Int, _ report: @escaping (String, Int, Int) throws -> Void) {
    self.total = total
    self.report = report
  }

  func add(_ count: Int) throws {
    done = min(total, done + count)
    try report(part, done, total)
  }
}

extension GrowthMeasurer.Numbers {
  /// Takes over what was compared, but for what an engine has measured already.
  mutating func add(_ result: LockStep.Result) {
    measurements.merge(result.logits.measurements) { measured, _ in measured }
    measurements[.residual] = result.streams?.worstFirst.first.map {
      MeasuredNumber($0.worst, $0.name, doubt: result.rounding?.doubt(ofStream: $0.worst))
    }
  }

  /// Takes over what was compared in float64.
  mutating func addExact(_ result: LockStep.Result) {
    measurements.merge(result.exactLogits?.measurements ?? [:]) { _, compared in compared }
    measurements[.residual] = .largest(
      (result.streams ?? []).compactMap { stream in
        stream.float64.map {
          MeasuredNumber($0, stream.name, doubt: result.rounding?.doubt(ofStream: $0))
        }
      })
  }
}

extension ModelRounding {
  /// Why a distance of streams that is not finite proves nothing; nil where it proves something.
  fileprivate func doubt(ofStream distance: Double) -> String? {
    guard let residual, !residual.isFinite, !distance.isFinite else { return nil }
    return "the small model's own residual stream is not finite"
  }
}
