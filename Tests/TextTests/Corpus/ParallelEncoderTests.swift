// SPDX-License-Identifier: Apache-2.0
import Testing
import Text

@Suite("Encoding in parallel")
struct ParallelEncoderTests {
  @Test(
    "results come in the order of the pieces, also where there is no thread", arguments: [0, 1, 3])
  func order(threads: Int) throws {
    let encoder = ParallelEncoder(
      PieceEncoder(
        tokenizer: ByteTokenizer(), endOfText: 256, tokenType: .uint16, badLines: .fail),
      threadCount: threads, maximumBytesInFlight: 1 << 20)
    defer { encoder.stop() }
    for number in UInt8(1)...50 {
      encoder.submit(
        CorpusPiece(
          subject: "piece", content: .text(isFirst: true, isLast: true), bytes: [number], offset: 0)
      )
    }
    var found: [UInt8] = []
    while let piece = try encoder.take() { found.append(piece.bytes[0]) }
    #expect(found == Array(1...50))
    let none = try encoder.take()
    #expect(none == nil)
  }
}
