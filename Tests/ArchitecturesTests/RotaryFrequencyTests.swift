// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Testing

@Suite("Rotary frequencies") struct RotaryFrequencyTests {
  @Test("Geometric from 1, and all divided where linear")
  func plain() {
    let frequencies = RotaryEmbedding(base: 10000).frequencies(headSize: 8)
    #expect(zip(frequencies, [1, 0.1, 0.01, 0.001]).allSatisfy { abs($0 - $1) < 1e-15 })
    let linear = RotaryEmbedding(base: 10000, scaling: .linear(factor: 4)).frequencies(headSize: 8)
    #expect(linear == frequencies.map { $0 / 4 })
  }

  /// By wavelengths, as Llama 3.1's published code puts it.
  @Test("Llama 3.1 keeps short wavelengths, stretches long ones, blends between")
  func llama3() {
    let frequencies = RotaryEmbedding(base: 500_000).frequencies(headSize: 128)
    let scaled = RotaryEmbedding(
      base: 500_000,
      scaling: .llama3(
        factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192)
    ).frequencies(headSize: 128)
    var kinds: Set<String> = []
    for (frequency, result) in zip(frequencies, scaled) {
      let wavelength = 2 * Double.pi / frequency
      if wavelength < 8192 / 4 {
        kinds.insert("kept")
        #expect(result == frequency)
      } else if wavelength > 8192 {
        kinds.insert("stretched")
        #expect(abs(result - frequency / 8) < 1e-18)
      } else {
        kinds.insert("blended")
        let smooth = (8192 / wavelength - 1) / (4 - 1)
        let expected = (1 - smooth) * frequency / 8 + smooth * frequency
        #expect(abs(result - expected) < 1e-15)
      }
    }
    #expect(kinds.count == 3)
  }
}
