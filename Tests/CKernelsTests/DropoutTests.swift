// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors
import Testing

extension KernelTests {
  @Suite struct DropoutTests {
    static let random = ck_random(key0: 0x1234_5678, key1: 9, counter2: 0xFFFF_FFF0, counter3: 3)

    /// Counter, key and words from the known-answer file of the authors' Random123 library.
    @Test(
      arguments: [
        (
          [0, 0, 0, 0], [0, 0], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
        ),
        (
          [UInt32](repeating: .max, count: 4), [.max, .max],
          [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
        ),
        (
          [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0],
          [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        ),
      ] as [([UInt32], [UInt32], [UInt32])])
    func theTwinGivesThePublishedWords(counter: [UInt32], key: [UInt32], words: [UInt32]) {
      #expect(PhiloxTwin(key: (key[0], key[1]))(counter) == words)
    }

    /// An element is kept at the rate word / 2³² and dropped at the next, so the word is known.
    @Test(arguments: KernelLevel.available)
    func theKernelsWordsAreThePublishedOnes(level: KernelLevel) {
      let words: [UInt32] = [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
      var random = ck_random(key0: 0, key1: 0, counter2: 0, counter3: 0)
      for (index, word) in words.enumerated() {
        for (rate, kept) in [(Double(word), true), (Double(word) + 1, false)] {
          var y: Float = 0
          level.use { ck_dropout_f32([1], &y, 1, rate * 0x1p-32, &random, UInt64(index)) }
          #expect((y != 0) == kept)
        }
      }
    }

    @Test(
      arguments: KernelLevel.available,
      [0, 1, 2, 3, 5, 127, 4 * (1 << 32) - 37, 1 << 60] as [UInt64])
    func elementsAreKeptByTheirWord(level: KernelLevel, first: UInt64) {
      var random = Self.random
      let twin = PhiloxTwin(key: (random.key0, random.key1))
      for n in oddSizes + [511, 512, 513, 1100] {
        for rate in [0.1, 0.5, 0.9] {
          let x = floats(n, seed: n)
          var y = [Float](repeating: 7, count: n + 4)
          level.use { ck_dropout_f32(x, &y, n, rate, &random, first) }
          let expected = (0..<n).map { index in
            let word = twin.word(
              first + UInt64(index), counter2: random.counter2, counter3: random.counter3)
            return Double(word) >= rate * 0x1p32 ? Double(x[index]) / (1 - rate) : 0
          }
          expectClose(
            y, expected + [7, 7, 7, 7], Tolerance(relative: 2e-7, scale: 0),
            "\(n) elements, rate \(rate)")
        }
      }
    }

    @Test(arguments: KernelLevel.available)
    func aSplitRangeIsTheWhole(level: KernelLevel) {
      var random = Self.random
      let x = bits(floats(1000, seed: 1))
      var whole = x
      var parts = x
      level.use {
        ck_dropout_bf16(x, &whole, 1000, 0.3, &random, 77)
        parts.withUnsafeMutableBufferPointer { parts in
          guard let base = parts.baseAddress else { return }
          for (begin, end) in [(0, 301), (301, 302), (302, 1000)] {
            ck_dropout_bf16(
              base + begin, base + begin, end - begin, 0.3, &random, 77 + UInt64(begin))
          }
        }
      }
      #expect(parts == whole)
      var floatsOut = [Float](repeating: 0, count: 1000)
      level.use { ck_dropout_f32(widened(x), &floatsOut, 1000, 0.3, &random, 77) }
      #expect(whole == bits(floatsOut))
    }

    @Test(arguments: KernelLevel.available, [0.01, 0.1, 0.5, 0.75])
    func aboutAsManyAreKeptAsAsked(level: KernelLevel, rate: Double) {
      var random = Self.random
      let n = 100_000
      let x = [Float](repeating: 1, count: n)
      var y = x
      level.use { ck_dropout_f32(x, &y, n, rate, &random, 0) }
      let dropped = Double(y.count { $0 == 0 })
      let deviation = (rate * (1 - rate) * Double(n)).squareRoot()
      #expect(abs(dropped - rate * Double(n)) < 5 * deviation)
    }

    @Test(arguments: KernelLevel.available)
    func theEndsKeepAllOrNothing(level: KernelLevel) {
      var random = Self.random
      let x: [Float] = [.nan] + floats(99, seed: 2)
      var y = [Float](repeating: 5, count: 100)
      level.use { ck_dropout_f32(x, &y, 100, 0, &random, 0) }
      #expect(y.map(\.bitPattern) == x.map(\.bitPattern))
      level.use { ck_dropout_f32(x, &y, 100, 1, &random, 0) }
      #expect(y == [Float](repeating: 0, count: 100))
    }
  }
}
