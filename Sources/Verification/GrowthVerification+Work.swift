// SPDX-License-Identifier: Apache-2.0
import Architectures
import Text

extension GrowthVerification {
  /// Lessens the float64 measurements until they take no more than so many floating-point operations:
  /// fewer sequences, then shorter ones, then logits and loss alone, then nothing.
  ///
  /// The reference engine makes some hundred million a second on each core. What was left is in the
  /// report's ``VerificationReport/batches-swift.property``.
  ///
  /// - Throws: the errors of Architectures.
  public mutating func limitExactWork(toOperations limit: Double) throws {
    for scope in [exactScope, .logits] where scope != .none {
      for (sequences, length) in batches.first?.prefixShapes ?? [] {
        guard try operations(scope, sequences, length) <= limit else { continue }
        exactScope = scope
        exactBatches = batches.map { $0.cut(sequences: sequences, length: length) }
        return
      }
    }
    exactScope = .none
  }

  /// Floating-point operations of the float64 measurements.
  private func operations(_ scope: ExactScope, _ sequences: Int, _ length: Int) throws -> Double {
    let costs = try [small, grown].map { model in
      let program = try model.program()
      var cost = program.floatingPointOperations(sequenceLength: length)
      cost.linear += program.idleExpertOperations
      return cost
    }
    let tokens = Double(sequences * length)
    // Logits and loss are two passes.
    let logits = 2 * tokens * costs.reduce(0) { $0 + $1.forward }
    guard scope == .all else { return logits }
    let steps = Double(batches.count + 1)
    let liveTokens = Double(liveBatches.reduce(0) { $0 + $1.inputs.count })
    let copies = path == nil ? 0 : Double(symmetrySteps)
    return logits + steps * tokens * costs[0].training
      + ((steps + copies) * tokens + liveTokens) * costs[1].training
  }
}

extension Program {
  /// Operations per token of the experts that a token does not take: the reference engine computes
  /// every one for every token.
  fileprivate var idleExpertOperations: Double {
    operations.reduce(0) { sum, operation in
      guard case .mixture(let mixture) = operation else { return sum }
      return mixture.experts.dropFirst(mixture.perToken)
        .flatMap { [$0.gate, $0.up, $0.down] }
        .reduce(sum) { $0 + 2 * Double(parameters[$1].shape.elementCount) }
    }
  }
}

extension TokenBatch {
  /// Shapes of parts of this batch whose rows are its first ones, from the largest to the smallest.
  fileprivate var prefixShapes: [(sequences: Int, length: Int)] {
    let lengths = [sequenceLength] + [32, 16, 8].filter { $0 < sequenceLength }
    return Set([sequenceCount, 1]).sorted(by: >).map { ($0, lengths[0]) }
      + lengths.dropFirst().map { (1, $0) }
  }

  /// Parts of this batch whose rows are its first ones and that have a target, from all of it to a few
  /// tokens.
  var prefixes: [TokenBatch] {
    prefixShapes.map { cut(sequences: $0.sequences, length: $0.length) }
      .filter { $0.targetCount > 0 }
  }

  /// The first sequences, each cut to its first tokens.
  func cut(sequences: Int, length: Int) -> TokenBatch {
    let rows = 0..<min(sequences, sequenceCount)
    let count = min(length, sequenceLength)
    func part(_ tokens: [Int32]) -> [Int32] {
      rows.flatMap { tokens[$0 * sequenceLength..<$0 * sequenceLength + count] }
    }
    return TokenBatch(
      sequenceCount: rows.count, sequenceLength: count, inputs: part(inputs),
      targets: part(targets))
  }

  /// Rows of tokens spread evenly over a text, each batch over all of it; where the text has fewer,
  /// rows that follow each other.
  ///
  /// - Throws: ``VerificationError`` of code `invalidBatch` for fewer than 3 tokens; the errors of the
  ///   source.
  public static func spread(
    over source: any TokenSource, count: Int, sequences: Int, length: Int
  ) throws -> [TokenBatch] {
    let rows = count.multipliedReportingOverflow(by: sequences)
    let whole = (source.tokenCount - 1) / max(1, length)
    guard !rows.overflow, rows.partialValue > 0, whole > rows.partialValue else {
      var tokens = [Int32](repeating: 0, count: source.tokenCount)
      try tokens.withUnsafeMutableBufferPointer { try source.read(at: 0, into: $0) }
      return try consecutive(tokens, count: count, sequences: sequences, length: length)
    }
    var batches = try EvaluationBatches(
      source, sequenceCount: rows.partialValue, sequenceLength: length,
      windowLimit: rows.partialValue)
    guard let all = try batches.next() else { return [] }
    return (0..<count).map { batch in
      let parts = (0..<sequences).map { row in
        let index = row * count + batch
        return all.sequences(index..<index + 1)
      }
      return TokenBatch(
        sequenceCount: sequences, sequenceLength: length, inputs: parts.flatMap(\.inputs),
        targets: parts.flatMap(\.targets))
    }
  }

  /// Batches of a row of tokens, from its start on; a row that is too short is begun again.
  ///
  /// - Parameter length: tokens of a sequence; shorter where the row is.
  /// - Throws: ``VerificationError`` for a row of less than three tokens.
  public static func consecutive(
    _ tokens: [Int32], count: Int, sequences: Int, length: Int
  ) throws -> [TokenBatch] {
    try VerificationError.check(
      tokens.count > 2, .invalidBatch, subject: "data",
      "holds \(tokens.count == 1 ? "1 token" : "\(tokens.count) tokens"); expected 3 or more")
    let length = max(1, min(length, tokens.count - 1))
    return (0..<count).map { batch in
      let rows = (0..<sequences).map { sequence -> ArraySlice<Int32> in
        let start = (batch * sequences + sequence) * length % (tokens.count - length)
        return tokens[start...start + length]
      }
      return TokenBatch(
        sequenceCount: sequences, sequenceLength: length, inputs: rows.flatMap { $0.dropLast() },
        targets: rows.flatMap { $0.dropFirst() })
    }
  }
}
