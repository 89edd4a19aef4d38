// SPDX-License-Identifier: Apache-2.0

extension CorpusPreparation {
  /// Totals that the pieces' results add up to.
  struct Counts {
    var textByteCount = 0
    var emptyDocumentCount = 0
    var flaws = TextFlaws()

    mutating func add(_ piece: EncodedPiece) {
      textByteCount += piece.textByteCount
      emptyDocumentCount += piece.emptyDocumentCount
      flaws.add(piece.flaws)
    }
  }

  private var validationInputs: [CorpusInput] {
    if case .inputs(let inputs) = configuration.validation { inputs } else { [] }
  }

  /// Reads and writes on this thread, in order, while other threads encode.
  func writeDocuments(
    with pieceEncoder: PieceEncoder, to writer: DatasetWriter,
    progress: @escaping (Progress) throws -> Void
  ) throws -> Counts {
    let encoder = ParallelEncoder(
      pieceEncoder, threadCount: configuration.threadCount,
      maximumBytesInFlight: 4 * configuration.threadCount * configuration.limits.pieceByteCount)
    defer { encoder.stop() }
    var counts = Counts()
    var bytesBefore = 0
    let total = CorpusInput.totalByteCount(of: configuration.inputs + validationInputs)
    for (inputs, isValidation) in [(configuration.inputs, false), (validationInputs, true)] {
      writer.readsValidationInputs = isValidation
      let bytesRead = try writeDocuments(
        of: inputs, with: encoder, to: writer, counts: &counts
      ) { bytesRead in
        try progress(
          Progress(
            bytesRead: bytesBefore + bytesRead, totalBytes: total, tokenCount: writer.tokenCount,
            documentCount: writer.documentCount))
      }
      bytesBefore += bytesRead
    }
    return counts
  }

  private func writeDocuments(
    of inputs: [CorpusInput], with encoder: ParallelEncoder, to writer: DatasetWriter,
    counts: inout Counts, progress: @escaping (Int) throws -> Void
  ) throws -> Int {
    var bytesRead = 0
    let reader = CorpusReader(inputs, limits: configuration.limits) { try progress(bytesRead) }
    var isAtEnd = inputs.isEmpty
    while true {
      while !isAtEnd && !encoder.isFull {
        if let piece = try reader.next() { encoder.submit(piece) } else { isAtEnd = true }
      }
      guard let piece = try encoder.take() else { break }
      try writer.append(piece)
      counts.add(piece)
      bytesRead = reader.fileBytesRead
      try progress(bytesRead)
    }
    return reader.fileBytesRead
  }
}
