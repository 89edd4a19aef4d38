// SPDX-License-Identifier: Apache-2.0

/// Philox-4x32-10 word by word, after the paper.
struct PhiloxTwin {
  var key: (UInt32, UInt32)

  func callAsFunction(_ counter: [UInt32]) -> [UInt32] {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let p = UInt64(0xD251_1F53) * UInt64(c[0])
      let q = UInt64(0xCD9E_8D57) * UInt64(c[2])
      c = [
        UInt32(truncatingIfNeeded: q >> 32) ^ c[1] ^ k.0, UInt32(truncatingIfNeeded: q),
        UInt32(truncatingIfNeeded: p >> 32) ^ c[3] ^ k.1, UInt32(truncatingIfNeeded: p),
      ]
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  /// The word of element `index` of the kernels' streams.
  func word(_ index: UInt64, counter2: UInt32, counter3: UInt32) -> UInt32 {
    let block = index / 4
    return self([
      UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), counter2,
      counter3,
    ])[Int(index % 4)]
  }
}
