// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

/// The nearest of a format's finite values by exact search, ties to the even pattern.
///
/// - Parameter magnitudes: the format's non-negative finite values, by bit pattern, and last the
///   value that would follow if exponents went on; whoever rounds to that becomes infinite.
func nearestPattern(to magnitude: Double, in magnitudes: [Double]) -> UInt16 {
  var low = 0
  var high = magnitudes.count - 1
  if magnitude >= magnitudes[high] { return UInt16(high) }
  while high - low > 1 {
    let middle = (low + high) / 2
    if magnitudes[middle] <= magnitude { low = middle } else { high = middle }
  }
  // Differences of a double and two neighbours of few bits are exact here.
  let (below, above) = (magnitude - magnitudes[low], magnitudes[high] - magnitude)
  if below != above { return UInt16(below < above ? low : high) }
  return UInt16(low.isMultiple(of: 2) ? low : high)
}

/// Non-negative values of a 16-bit float computed from the definition, 2^(e − bias) · 1.f.
func magnitudes(exponentBits: Int, fractionBits: Int) -> [Double] {
  let bias = (1 << (exponentBits - 1)) - 1
  let finiteCount = ((1 << exponentBits) - 1) << fractionBits
  return (0...finiteCount).map { pattern in
    let exponent = pattern >> fractionBits
    let fraction = Double(pattern & ((1 << fractionBits) - 1)) / Double(1 << fractionBits)
    return exponent == 0
      ? Double(sign: .plus, exponent: 1 - bias, significand: fraction)
      : Double(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
  }
}

/// Floats that sit on, between and just beside the values of a format.
func probes(around magnitudes: [Double]) -> [Float] {
  var result: [Float] = []
  for (low, high) in zip(magnitudes, magnitudes.dropFirst()) {
    let middle = Float((low + high) / 2)
    result += [Float(low), Float(low).nextUp, middle.nextDown, middle, middle.nextUp]
  }
  return result.filter(\.isFinite)
}

@Suite("BFloat16") struct BFloat16Tests {
  static let magnitudes = TensorsTests.magnitudes(exponentBits: 8, fractionBits: 7)

  @Test("every pattern widens to the value of its definition")
  func widening() {
    for pattern in UInt16(0)..<0x7F80 {
      #expect(Double(Float(BFloat16(bitPattern: pattern))) == Self.magnitudes[Int(pattern)])
      let negative = Float(BFloat16(bitPattern: pattern | 0x8000))
      #expect(Double(negative) == -Self.magnitudes[Int(pattern)] && negative.sign == .minus)
    }
    #expect(Float(BFloat16(bitPattern: 0x7F80)) == .infinity)
    #expect(Float(BFloat16(bitPattern: 0xFF80)) == -.infinity)
    #expect((UInt16(0x7F81)...0x7FFF).allSatisfy { Float(BFloat16(bitPattern: $0)).isNaN })
  }

  @Test("every pattern survives the way through Float")
  func roundTrip() {
    for pattern in UInt16.min ... .max {
      let float = Float(BFloat16(bitPattern: pattern))
      let back = BFloat16(float).bitPattern
      if float.isNaN {
        #expect(Float(BFloat16(bitPattern: back)).isNaN && back & 0x8000 == pattern & 0x8000)
      } else {
        #expect(back == pattern)
      }
    }
  }

  @Test("values on, between and beside neighbours round to nearest, ties to even")
  func rounding() {
    var failures = 0
    for probe in probes(around: Self.magnitudes) {
      let expected = nearestPattern(to: Double(probe), in: Self.magnitudes)
      if BFloat16(probe).bitPattern != expected { failures += 1 }
      if BFloat16(-probe).bitPattern != expected | 0x8000 { failures += 1 }
    }
    #expect(failures == 0)
  }

  @Test("a NaN whose payload is all in the lower bits does not become infinity")
  func nanWithLowPayload() {
    #expect(Float(BFloat16(Float(bitPattern: 0x7F80_0001))).isNaN)
    #expect(Float(BFloat16(Float(bitPattern: 0xFFFF_FFFF))).isNaN)
  }

  @Test("too large becomes infinity, infinity stays") func overflow() {
    #expect(BFloat16(Float.greatestFiniteMagnitude).bitPattern == 0x7F80)
    #expect(BFloat16(-Float.infinity).bitPattern == 0xFF80)
  }
}
