// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

extension KernelTests {
  @Suite struct GaussianTests {
    static let random = ck_random(key0: 0x1234_5678, key1: 9, counter2: 0xFFFF_FFF0, counter3: 3)

    /// Elements first ..< first + n of a stream, at the machine's best level unless told.
    static func draw(
      _ n: Int, from first: UInt64 = 0, random: ck_random = random, level: KernelLevel? = nil
    ) -> [Float] {
      var random = random
      var z = [Float](repeating: 7, count: n)
      (level ?? KernelLevel(level: ck_best_level())).use {
        ck_gaussian(&z, n, &random, first)
      }
      return z
    }

    /// An element by the header's formula, in float64.
    static func twin(_ element: UInt64, _ random: ck_random = random) -> Double {
      let philox = PhiloxTwin(key: (random.key0, random.key1))
      let (group, place) = element.quotientAndRemainder(dividingBy: 32)
      func word(_ index: UInt64) -> UInt32 {
        philox.word(group * 32 + index, counter2: random.counter2, counter3: random.counter3)
      }
      let u = (Double(word(place % 16) >> 1) + 0.5) * 0x1p-31
      let angle = 2 * Double.pi * Double(word(place % 16 + 16)) * 0x1p-32
      return (-2 * log(u)).squareRoot() * (place < 16 ? cos(angle) : sin(angle))
    }

    @Test(
      arguments: KernelLevel.available, [0, 1, 17, 31, 4 * (1 << 32) - 40, 1 << 60] as [UInt64])
    func elementsFollowTheFormula(level: KernelLevel, first: UInt64) {
      for n in oddSizes + [511, 1100] {
        let expected = (0..<n).map { Self.twin(first + UInt64($0)) }
        expectClose(
          Self.draw(n, from: first, level: level), expected, Tolerance(relative: 1e-6, scale: 1),
          "\(n) elements from \(first)")
      }
    }

    @Test func allLevelsGiveTheSameBits() {
      let n = 1 << 18
      let (x, y) = (floats(n, seed: 4), floats(n, seed: 5))
      let results = KernelLevel.available.map { level in
        level.use {
          var noisy = x
          ck_add_noise(x, 0.3, y, 0.01, &noisy, n)
          var scaled = x
          ck_scale(x, 0.3, &scaled, n)
          return Self.draw(n, from: 3, level: level) + noisy + scaled
        }
      }
      for result in results { #expect(result.map(\.bitPattern) == results[0].map(\.bitPattern)) }
      let sums = KernelLevel.available.map { $0.use { ck_sum_of_squares(x, n - 5) } }
      #expect(Set(sums).count == 1)
    }

    @Test(arguments: KernelLevel.available)
    func anyPartOfARangeIsDrawnByItself(level: KernelLevel) {
      let whole = Self.draw(3000, level: level)
      for (begin, end) in [(0, 1), (5, 21), (31, 33), (32, 64), (100, 1999), (2999, 3000)] {
        let part = Self.draw(end - begin, from: UInt64(begin), level: level)
        #expect(part == Array(whole[begin..<end]), "\(begin) ..< \(end)")
      }
    }

    @Test(arguments: KernelLevel.available, oddSizes)
    func noiseIsAddedWithEachStepRounded(level: KernelLevel, n: Int) {
      let (x, z) = (floats(n, seed: n), floats(n, seed: n + 1))
      let guardZone = [Float](repeating: 7, count: 20)
      var y = [Float](repeating: 7, count: n + 20)
      var alone = y
      var (overValues, overNoise) = (x + guardZone, z + guardZone)
      level.use {
        ck_add_noise(x, 0.3, z, 0.01, &y, n)
        ck_add_noise(nil, 0.3, z, 0.01, &alone, n)
        overValues.withUnsafeMutableBufferPointer {
          guard let base = $0.baseAddress else { return }
          ck_add_noise(base, 0.3, z, 0.01, base, n)
        }
        overNoise.withUnsafeMutableBufferPointer {
          guard let base = $0.baseAddress else { return }
          ck_add_noise(x, 0.3, base, 0.01, base, n)
        }
      }
      let products = x.map { $0 * 0.3 }
      let noise = z.map { $0 * 0.01 }
      let expected = zip(products, noise).map(+) + guardZone
      #expect(y == expected)
      #expect(overValues == expected)
      #expect(overNoise == expected)
      #expect(alone == noise + guardZone)
      level.use { ck_scale(x, 0.3, &y, n) }
      #expect(y == products + guardZone)
    }

    /// What `ck_add_representable_noise` makes of weights and noise in numbers of so many digits.
    static func representable(
      _ x: [Float], _ z: [Float], deviation: Float, adds: Bool, _ digits: Int32,
      level: KernelLevel
    ) -> [Float] {
      var y = [Float](repeating: 7, count: x.count)
      let least: Float = digits == 8 ? 0x1p-126 : 0x1p-24
      level.use {
        ck_add_representable_noise(
          x, 0.5, z, deviation, adds ? 1 : 0, digits, least, 0x1p14, &y, x.count)
      }
      return y
    }

    /// The nearest number of so many digits.
    static func rounded(_ value: Float, _ digits: Int32) -> Float {
      guard value != 0 else { return 0 }
      let unit = digits == 11 ? max(value.ulp * 0x1p13, 0x1p-24) : value.ulp * 0x1p16
      return (value / unit).rounded(.toNearestOrEven) * unit
    }

    @Test(arguments: KernelLevel.available, [8, 11] as [Int32])
    func noiseThatFewDigitsHoldCancels(level: KernelLevel, digits: Int32) {
      let n = 20_003
      // Weights of all sizes, zeros among them.
      let x = zip(floats(n, seed: 1), floats(n, seed: 2)).map { sign, size in
        sign < -0.99 ? 0 : sign * Foundation.exp2f(8 * size)
      }
      let z = Self.draw(n, level: level)
      func all(_ deviation: Float, _ adds: Bool) -> [Float] {
        Self.representable(x, z, deviation: deviation, adds: adds, digits, level: level)
      }
      let (up, down) = (all(0.3, true), all(-0.3, true))
      let (noise, less) = (all(0.3, false), all(-0.3, false))
      for index in 0..<n {
        let weight = Self.rounded(x[index] * 0.5, digits)
        let parts = [up[index], down[index], noise[index], less[index]]
        #expect(parts.allSatisfy { Self.rounded($0, digits) == $0 }, "\(weight): \(parts)")
        #expect(up[index] - noise[index] == weight && down[index] - less[index] == weight)
        #expect(noise[index] == -less[index])
        let wanted = 0.3 * z[index]
        let raw = x[index] * 0.5
        let unit = digits == 11 ? max(raw.ulp * 0x1p13, 0x1p-24) : raw.ulp * 0x1p16
        let most = weight == 0 ? 0 : unit * Float(1 << digits)
        let nearest = max(-most, min(most, wanted))
        #expect(abs(noise[index] - nearest) <= 1.5 * unit || weight == 0, "\(weight), \(wanted)")
        if weight == 0 { #expect(noise[index] == 0) }
      }
    }

    @Test func representableNoiseHasTheSameBitsAtAllLevels() {
      let (x, z) = (floats(4099, seed: 6, magnitude: 3), floats(4099, seed: 7, magnitude: 4))
      var odd = x
      odd.replaceSubrange(0..<6, with: [0, -0.0, .infinity, .nan, .leastNonzeroMagnitude, -1e30])
      for (digits, adds) in [(8, true), (8, false), (11, true), (11, false)] {
        let results = KernelLevel.available.map {
          Self.representable(odd, z, deviation: 0.7, adds: adds, Int32(digits), level: $0)
            .map(\.bitPattern)
        }
        #expect(results.allSatisfy { $0 == results[0] })
        // What is no usual weight passes as it is, without noise.
        let unusual = results[0].prefix(6).map { Float(bitPattern: $0) }
        #expect(
          unusual.enumerated().allSatisfy { index, y in
            adds ? y == odd[index] * 0.5 || y.isNaN && odd[index].isNaN : y == 0
          }, "\(unusual)")
      }
    }

    @Test(arguments: KernelLevel.available, oddSizes + [0, 2, 32, 4099])
    func squaresAreSummedInFloat64(level: KernelLevel, n: Int) {
      let x = floats(n, seed: n, magnitude: 1e4)
      let sum = level.use { ck_sum_of_squares(x, n) }
      let expected = doubles(x).reduce(0) { $0 + $1 * $1 }
      #expect(abs(sum - expected) <= 1e-14 * expected)
    }

    /// Each moment within five standard deviations of its own estimate: for a normal variable the
    /// variance of zᵏ is (2k − 1)!! − ((k − 1)!! for even k)².
    @Test(arguments: [0, 1 << 40] as [UInt64]) func momentsAreThoseOfANormal(first: UInt64) {
      let n = 1 << 21
      let z = doubles(Self.draw(n, from: first))
      for (power, mean, variance) in [
        (1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (5, 0, 945), (6, 15, 10170),
        (8, 105, 2_016_000),
      ] {
        let sum = z.reduce(0) { $0 + Foundation.pow($1, Double(power)) }
        let error = abs(sum / Double(n) - Double(mean))
        #expect(error < 5 * (Double(variance) / Double(n)).squareRoot(), "moment \(power)")
      }
    }

    /// How many lie beyond 1 … 5 standard deviations, on either side.
    @Test func tailsAreThoseOfANormal() {
      let n = 1 << 24
      let z = Self.draw(n)
      for threshold in 1...5 {
        let limit = Float(threshold)
        let probability = erfc(Double(threshold) / 2.0.squareRoot()) / 2
        let expected = Double(n) * probability
        for count in [z.count { $0 > limit }, z.count { $0 < -limit }] {
          let deviation = (expected * (1 - probability)).squareRoot()
          #expect(
            abs(Double(count) - expected) < 5 * deviation + 1, "\(count) beyond \(threshold)")
        }
      }
      #expect(z.allSatisfy { abs($0) < 6.7 })
    }

    /// Neither neighbours, nor the two of a pair, nor streams, nor seeds are correlated: for
    /// independent normals the mean product has standard deviation 1/√n, that of squares less one
    /// 2/√n.
    @Test func elementsAndStreamsAreIndependent() {
      let n = 1 << 20
      let z = Self.draw(n + 64)
      var others: [(String, [Float])] = [1, 2, 4, 15, 16, 31, 32, 64].map {
        ("lag \($0)", Array(z[$0..<n + $0]))
      }
      for (name, change) in [
        ("key0", { $0.key0 ^= 1 }), ("key1", { $0.key1 ^= 1 }),
        ("counter2", { $0.counter2 ^= 1 }), ("counter3", { $0.counter3 ^= 1 }),
      ] as [(String, (inout ck_random) -> Void)] {
        var random = Self.random
        change(&random)
        others.append((name, Self.draw(n, random: random)))
      }
      for (name, other) in others {
        var (products, squares) = (0.0, 0.0)
        for (a, b) in zip(z, other) {
          let (a, b) = (Double(a), Double(b))
          products += a * b
          squares += (a * a - 1) * (b * b - 1)
        }
        let scale = 1 / Double(n).squareRoot()
        #expect(abs(products / Double(n)) < 5 * scale, "\(name)")
        #expect(abs(squares / Double(n)) < 10 * scale, "\(name), squares")
      }
    }
  }
}
