// SPDX-License-Identifier: Apache-2.0
import Testing
import Text

@Suite struct SeededHashTests {
  @Test func seedsAndIndicesAreIndependent() {
    var values: Set<UInt64> = []
    for seed: UInt64 in 0..<50 {
      for index: UInt64 in 0..<50 { values.insert(SeededHash.value(seed: seed, index: index)) }
    }
    #expect(values.count == 2500)
  }

  @Test func valuesOfEqualSeedAndIndexAreSpreadLikeOthers() {
    let values = (0..<2000).map { SeededHash.unitValue(seed: $0, index: $0) }
    // Mean ½; deviation of the mean of 2000 is 0.0065: five of them.
    #expect(abs(values.reduce(0, +) / 2000 - 0.5) < 0.0325)
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
  }

  /// Splits of prepared directories must not change with the version of this library.
  @Test func valuesAreStable() {
    #expect(SeededHash.mix(0x9e37_79b9_7f4a_7c15) == 0xe220_a839_7b1d_cdaf)
  }
}
