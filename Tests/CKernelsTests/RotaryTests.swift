// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

extension KernelTests {
  @Suite struct RotaryTests {
    static let positions = 12

    static func angles(_ S: Int) -> [Double] {
      (0..<positions * (S / 2)).map {
        Double($0 / (S / 2)) * pow(10000, -2 * Double($0 % (S / 2)) / Double(S))
      }
    }

    static func turned(
      _ x: [Float], ld: Int, heads: Int, S: Int, T: Int, first: Int, rows: Range<Int>
    ) -> [Double] {
      var y = doubles(x)
      let angles = angles(S)
      for r in rows {
        for head in 0..<heads {
          for j in 0..<S / 2 {
            let low = r * ld + head * S + j
            let angle = angles[(first + r % T) * (S / 2) + j]
            y[low] = Double(x[low]) * cos(angle) - Double(x[low + S / 2]) * sin(angle)
            y[low + S / 2] = Double(x[low + S / 2]) * cos(angle) + Double(x[low]) * sin(angle)
          }
        }
      }
      return y
    }

    @Test(arguments: KernelLevel.available, [2, 4, 30, 32, 48, 64, 128, 258])
    func pairsTurnByTheirAngle(level: KernelLevel, S: Int) {
      let heads = 2
      let ld = heads * S + 5
      let x = floats(10 * ld, seed: S)
      let cosines = Self.angles(S).map { Float(cos($0)) }
      let sines = Self.angles(S).map { Float(sin($0)) }
      var y = x
      level.use { ck_rotary_f32(&y, ld, heads, S, S, cosines, sines, 5, 3, 0, 1, 9) }
      expectClose(
        y, Self.turned(x, ld: ld, heads: heads, S: S, T: 5, first: 3, rows: 1..<9))
      level.use { ck_rotary_f32(&y, ld, heads, S, S, cosines, sines, 5, 3, 1, 1, 9) }
      expectClose(y, doubles(x), .float32, "there and back")

      let half = bits(x)
      var turnedHalf = half
      level.use { ck_rotary_bf16(&turnedHalf, ld, heads, S, S, cosines, sines, 5, 3, 0, 1, 9) }
      expectClose(
        widened(turnedHalf),
        Self.turned(widened(half), ld: ld, heads: heads, S: S, T: 5, first: 3, rows: 1..<9),
        .bfloat16)
    }

    @Test("Heads that turn in part keep the rest", arguments: KernelLevel.available, [2, 6, 32])
    func inPart(level: KernelLevel, turned: Int) {
      let (S, heads) = (turned + 5, 3)
      let ld = heads * S
      let x = floats(6 * ld, seed: S)
      let cosines = Self.angles(turned).map { Float(cos($0)) }
      let sines = Self.angles(turned).map { Float(sin($0)) }
      var y = x
      level.use { ck_rotary_f32(&y, ld, heads, S, turned, cosines, sines, 5, 3, 0, 0, 6) }
      for row in 0..<6 {
        for head in 0..<heads {
          let start = row * ld + head * S
          // A row of one head that turns whole, at its own position.
          let position = 3 + row % 5
          let alone = Self.turned(
            Array(x[start..<start + turned]), ld: turned, heads: 1, S: turned, T: 1,
            first: position,
            rows: 0..<1)
          expectClose(Array(y[start..<start + turned]), alone)
          #expect(y[start + turned..<start + S] == x[start + turned..<start + S])
        }
      }
    }
  }
}
