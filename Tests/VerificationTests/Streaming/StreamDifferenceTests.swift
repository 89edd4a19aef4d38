// SPDX-License-Identifier: Apache-2.0
import Testing
import Verification

@Suite("Errors of streams") struct StreamDifferenceTests {
  private let streams = [
    StreamDifference(afterBlock: 1e-7),
    StreamDifference(layer: 0, smallLayer: 0, afterAttention: 2e-7, afterBlock: 3e-7),
    StreamDifference(layer: 1, afterAttention: 3e-7, afterBlock: 4e-2),
    StreamDifference(layer: 2, smallLayer: 1, afterAttention: 5e-2, afterBlock: 6e-2),
  ]

  @Test("the worst first, what is no number before all")
  func order() {
    #expect(streams.worstFirst.map(\.layer) == [2, 1, 0, nil])
    for broken in [
      StreamDifference(layer: 3, afterAttention: .nan, afterBlock: 0),
      StreamDifference(layer: 3, afterAttention: 0, afterBlock: .nan),
    ] {
      #expect(broken.worst.isNaN)
      #expect((streams + [broken]).worstFirst.first?.layer == 3)
    }
  }

  @Test("where streams part is counted from the embeddings, not by size")
  func parting() {
    #expect(streams.worstFirst.parting(beyond: 1e-5) == "layer 1, feed-forward")
    #expect(streams.parting(beyond: 4.5e-2) == "layer 2, attention")
    #expect(streams.parting(beyond: 1e-8) == "embeddings")
    #expect(streams.parting(beyond: 1) == nil)
    #expect(
      [StreamDifference(layer: 5, afterAttention: .nan, afterBlock: .nan)].parting(beyond: 1)
        == "layer 5, attention")
  }
}
