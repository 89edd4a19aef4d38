// SPDX-License-Identifier: Apache-2.0
import SeededRandom
import Tensors
import Testing

@Suite("Float16Bits") struct Float16BitsTests {
  static let magnitudes = TensorsTests.magnitudes(exponentBits: 5, fractionBits: 10)

  @Test("every pattern widens to the value of its definition, and comes back")
  func everyPattern() {
    for pattern in UInt16.min ... .max {
      let float = Float16Bits.float(pattern)
      let magnitude = pattern & 0x7FFF
      if magnitude > 0x7C00 {
        #expect(float.isNaN && Float16Bits.float(Float16Bits.bits(float)).isNaN)
        continue
      }
      let expected = magnitude == 0x7C00 ? .infinity : Self.magnitudes[Int(magnitude)]
      #expect(Double(float.magnitude) == expected)
      #expect((float.sign == .minus) == (pattern & 0x8000 != 0))
      #expect(Float16Bits.bits(float) == pattern)
    }
  }

  @Test("values on, between and beside neighbours round to nearest, ties to even")
  func rounding() {
    var failures = 0
    for probe in probes(around: Self.magnitudes) {
      let expected = nearestPattern(to: Double(probe), in: Self.magnitudes)
      if Float16Bits.bits(probe) != expected { failures += 1 }
      if Float16Bits.bits(-probe) != expected | 0x8000 { failures += 1 }
    }
    #expect(failures == 0)
  }

  @Test("the ends of the range")
  func ends() {
    #expect(Float16Bits.bits(Float(65520).nextDown) == 0x7BFF)
    #expect(Float16Bits.bits(65520) == 0x7C00)
    #expect(Float16Bits.bits(-.greatestFiniteMagnitude) == 0xFC00)
    #expect(Float16Bits.bits(0x1p-25) == 0)
    #expect(Float16Bits.bits(Float(0x1p-25).nextUp) == 1)
    #expect(Float16Bits.bits(-0.0) == 0x8000)
  }

  #if arch(arm64) || os(Linux)
    @Test("agrees with the compiler's Float16 over floats of every exponent")
    func compilerAgrees() {
      var generator = SplitMix64(seed: 16)
      var failures = 0
      for _ in 0..<200_000 {
        let float = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
        if float.isNaN { continue }
        if Float16(float).bitPattern != Float16Bits.bits(float) { failures += 1 }
      }
      #expect(failures == 0)
    }
  #endif
}
