// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import LinearAlgebra
import Text
import Training

/// Measures of a growth what two forward passes tell, for models of any size and family.
///
/// Both models are computed in lock step from their files, layer by layer (``LayerwiseModel``), so that
/// memory holds some tens of megabytes and one batch's activations: in float32, as they are used, and in
/// float64, the growth being done again row by row, which leaves no rounding to hide in. It proves that
/// the files hold what the growth makes, and that it computes what it should on given tokens:
/// ``Guarantee/loss``. Gradients, moments and training need ``GrowthVerification``.
///
///     let report = try StreamingVerification(
///       small: ModelDirectory(reading: small), grown: ModelDirectory(reading: grown),
///       path: receipt.path, batch: batch
///     ).report()
///     print(report.parting ?? "the streams agree")
public struct StreamingVerification: Sendable {
  /// The model before the growth.
  public var small: ModelDirectory
  /// The model after it.
  public var grown: ModelDirectory
  /// The growths; nil where another tool made the model, so that only logits and loss are compared.
  public var path: GrowthPath?
  /// What the growth declares; nil where nobody knows.
  public var declared: Guarantees?
  /// The tokens of both models.
  public var batch: TokenBatch
  /// Floating-point operations that float64 may take: on large models it gets the first sequence only,
  /// then that one's first tokens, then nothing.
  ///
  /// Each core makes some ten billion a second, besides making the grown model again.
  public var exactOperations = 1e12

  /// A verification.
  ///
  /// - Parameter declared: what the growth declares; by default what its growths do.
  public init(
    small: ModelDirectory, grown: ModelDirectory, path: GrowthPath?,
    declared: Guarantees? = nil, batch: TokenBatch
  ) {
    self.small = small
    self.grown = grown
    self.path = path
    self.declared = declared ?? path?.guarantees
    self.batch = batch
  }

  /// Measures and judges.
  ///
  /// - Parameters:
  ///   - threads: how many threads compute; nil for all processors this process may use.
  ///   - progress: called after every piece of parameters; what it throws ends the measuring.
  /// - Throws: ``VerificationError`` for models or batches that do not fit; the errors of Growth,
  ///   Checkpoints and the CPU engine.
  public func report(
    threads: Int? = nil, progress: @escaping (VerificationProgress) throws -> Void = { _ in }
  ) throws -> VerificationReport {
    try check()
    let exact = try exactBatch().map { try ExactModels(self, $0) }
    let arithmetic = MatrixArithmetic(threads: threads)
    let result = try LockStep(
      small: try LayerwiseModel(small), grown: try LayerwiseModel(grown), exact: exact?.parameters,
      path: path, batch: batch, arithmetic: arithmetic
    ) { try progress(VerificationProgress(part: $0, done: $1, total: $2)) }.measure()
    var numbers = GrowthMeasurer.Numbers()
    numbers.add(result)
    try exact?.replayEmbeddings(of: grown.program, arithmetic)
    numbers.measurements[.replay] = exact?.replay?.error
    var roundings = Roundings(
      model: result.rounding, file: FileRounding(small: small, grown: grown, path: path))
    if roundings.needFileCost(for: numbers, declared: declared) {
      try roundings.file?.measureCost(
        of: LayerwiseModel(small), small.configuration.model, on: batch, arithmetic)
    }
    return judge(numbers, result, exact: exact, roundings: roundings)
  }

  /// The tokens that float64 computes; nil for none.
  private func exactBatch() -> TokenBatch? {
    batch.prefixes.first { batch in
      let operations = [small, grown].map {
        $0.program.floatingPointOperations(sequenceLength: batch.sequenceLength).forward
      }
      return Double(batch.inputs.count) * (operations[0] + operations[1]) <= exactOperations
    }
  }

  private func check() throws {
    try path?.check(from: small.configuration.model, to: grown.configuration.model)
  }

  private func judge(
    _ numbers: GrowthMeasurer.Numbers, _ result: LockStep.Result, exact: ExactModels?,
    roundings: Roundings
  ) -> VerificationReport {
    let arithmetic: MeasuredArithmetic? =
      exact.map { $0.replay == nil ? .float64OfFiles : .float64 }
    var exactNumbers = GrowthMeasurer.Numbers()
    exactNumbers.addExact(result)
    let checks = [VerificationCheck.logits, .loss, .residual, .replay].filter {
      $0 != .replay || numbers.measurements[$0] != nil
    }.map { check in
      VerificationReport.Check(
        check, isDeclared: declared.map { check.isDeclared(in: $0) },
        float32: numbers.measurements[check], float64: exactNumbers.measurements[check],
        float64Arithmetic: arithmetic, rounding: roundings.file, modelRounding: roundings.model,
        reason: numbers.measurements[check] == nil ? "it is not known how the model was grown" : nil
      )
    }
    let exactBatch = exact?.parameters.batch
    var report = VerificationReport(
      operation: path?.operation,
      small: small.configuration.model, grown: grown.configuration.model,
      batches: VerificationReport.Batches(
        count: 1, sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength,
        exactSequenceCount: exactBatch?.sequenceCount,
        exactSequenceLength: exactBatch?.sequenceLength, trajectorySteps: 0, symmetrySteps: 0),
      float64Arithmetic: arithmetic, checks: checks, copyDistances: [], deadParameters: [])
    report.streams = result.streams?.worstFirst
    report.losses = result.losses
    report.rounding = roundings.file
    report.smallRounding = roundings.model
    report.float32Limit =
      "the models were streamed: their function was compared, not their training"
    return report
  }
}

extension GrowthVerification {
  /// Bytes of memory that the activations and logits of a batch take in all models, about, in float32
  /// and float64.
  public static func batchByteCount(
    of models: [ModelConfiguration], sequences: Int, length: Int
  ) -> Double {
    let tokens = Double(sequences) * Double(length)
    return models.reduce(0) { sum, model in
      let block = 10 * Double(model.hiddenSize) + 4 * Double(model.intermediateSize)
      let scores = Double(model.headCount) * Double(length)
      return sum
        + 12 * tokens
        * (2 * Double(model.vocabularySize) + Double(model.layerCount) * (block + scores))
    }
  }

  /// Bytes of memory that all measurements of two models take, about.
  ///
  /// For each parameter: the files' values and moments (12), both models on an engine with gradients
  /// and moments (16), the same in float64 twice over (48).
  ///
  /// - Parameter parameterCount: of both models together.
  public static func memoryByteCount(parameterCount: Int) -> Int {
    let (bytes, isTooMuch) = parameterCount.multipliedReportingOverflow(by: 76)
    return isTooMuch ? .max : bytes
  }
}
