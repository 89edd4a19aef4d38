// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Testing

@Suite("Integers of any number")
struct BoundedIntegersTests {
  @Test(
    "beyond the range is the range's end, NaN is nothing",
    arguments: [
      (1e300, Int.max), (-1e300, Int.min), (.infinity, Int.max), (-.infinity, Int.min), (.nan, 0),
      (.leastNonzeroMagnitude, 0), (-.leastNonzeroMagnitude, 0), (0x1p63, Int.max),
      (-0x1p63, Int.min), (2.9, 2), (-2.9, -2),
    ])
  func ends(value: Double, expected: Int) {
    #expect(Int(bounding: value) == expected)
  }

  @Test("smaller integers have their own ends")
  func smaller() {
    #expect(UInt8(bounding: 256.0) == 255 && UInt8(bounding: -1.0) == 0)
    #expect(Int32(bounding: Float.infinity) == Int32.max)
    #expect(UInt64(bounding: -0.5) == 0)
  }
}
