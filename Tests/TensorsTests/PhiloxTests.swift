// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Philox") struct PhiloxTests {
  /// The vectors that the authors publish with their library (Random123, `kat_vectors`).
  @Test("The published vectors")
  func publishedVectors() {
    #expect(
      Philox(key0: 0, key1: 0).words(SIMD4(0, 0, 0, 0))
        == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    let ones = UInt32.max
    #expect(
      Philox(key0: ones, key1: ones).words(SIMD4(ones, ones, ones, ones))
        == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    #expect(
      Philox(key0: 0xA409_3822, key1: 0x299F_31D0)
        .words(SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344))
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test("Seeds, blocks and streams are split low half first")
  func halves() {
    let generator = Philox(seed: 0x299F_31D0_A409_3822)
    #expect(generator == Philox(key0: 0xA409_3822, key1: 0x299F_31D0))
    #expect(
      generator.words(block: 0x85A3_08D3_243F_6A88, stream: 0x0370_7344_1319_8A2E)
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }
}
