// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("HostTensor conversion") struct HostTensorConversionTests {
  static let floatingPoint = DType.allCases.filter(\.isFloatingPoint)

  static func doubles(_ values: [Double]) -> HostTensor {
    var tensor = HostTensor(zeros: Shape([values.count]), dtype: .float64)
    tensor.withUnsafeMutableBytes { bytes in
      values.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
    return tensor
  }

  static func patterns(_ tensor: HostTensor) -> [UInt16] {
    tensor.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
  }

  @Test("values that every type holds survive every pair of types")
  func pairs() throws {
    let values: [Float] = [0, 1, -2, 0.5, 96, -0.25]
    for source in Self.floatingPoint {
      for target in Self.floatingPoint {
        let tensor = try HostTensor(values, shape: [2, 3]).converted(to: source)
        let result = try tensor.converted(to: target)
        #expect(result.dtype == target && result.shape == [2, 3])
        #expect(try result.converted(to: .float32).floats == values)
      }
    }
  }

  @Test("unaligned bytes convert", arguments: floatingPoint)
  func unaligned(dtype: DType) throws {
    let values: [Float] = [1, -3, 0.5]
    let tensor = try HostTensor(values, shape: [3]).converted(to: dtype)
    var shifted = HostTensor(zeros: Shape([tensor.byteCount + 1]), dtype: .uint8)
    shifted.withUnsafeMutableBytes { target in
      tensor.withUnsafeBytes { target[1...].copyBytes(from: $0) }
    }
    let all = try shifted.view
    let view = try TensorView(
      dtype: dtype, shape: [3], bytes: UnsafeRawBufferPointer(rebasing: all.bytes[1...]),
      owner: all.owner)
    #expect(try view.convertedToFloat32().floats == values)
  }

  @Test("float64 rounds once, not by way of float32")
  func noDoubleRounding() throws {
    // Just above a tie of the narrow type, too close to it for float32.
    let half = Self.doubles([1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11 - 0x1p-40, -(1 + 0x1p-11)])
    #expect(Self.patterns(try half.converted(to: .float16)) == [0x3C01, 0x3C00, 0xBC00])
    let brain = Self.doubles([1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-8 - 0x1p-40, -(1 + 0x1p-8)])
    #expect(Self.patterns(try brain.converted(to: .bfloat16)) == [0x3F81, 0x3F80, 0xBF80])
  }

  @Test("float64 beside every boundary of the narrow types rounds to nearest")
  func doubleRoundingExhaustively() throws {
    for (target, magnitudes) in [
      (DType.float16, Float16BitsTests.magnitudes), (.bfloat16, BFloat16Tests.magnitudes),
    ] {
      var values: [Double] = []
      for (low, high) in zip(magnitudes, magnitudes.dropFirst()) {
        let middle = (low + high) / 2
        values += [low, middle.nextDown, middle, middle.nextUp, high.nextDown]
      }
      let expected = values.map { nearestPattern(to: $0, in: magnitudes) }
      let found = Self.patterns(try Self.doubles(values).converted(to: target))
      let negative = Self.patterns(try Self.doubles(values.map { -$0 }).converted(to: target))
      // Counted, since the difference of long arrays takes minutes to print.
      #expect(zip(found, expected).count { $0 != $1 } == 0)
      #expect(zip(negative, expected).count { $0 != $1 | 0x8000 } == 0)
    }
  }

  @Test("float64 extremes: infinities, NaN, too large, too small")
  func extremes() throws {
    let tensor = Self.doubles([.infinity, -.infinity, 1e300, -1e300, 1e-300, -0.0, .nan])
    #expect(
      Self.patterns(try tensor.converted(to: .float16)).dropLast()
        == [0x7C00, 0xFC00, 0x7C00, 0xFC00, 0, 0x8000])
    #expect(
      Self.patterns(try tensor.converted(to: .bfloat16)).dropLast()
        == [0x7F80, 0xFF80, 0x7F80, 0xFF80, 0, 0x8000])
    for target in Self.floatingPoint {
      #expect(try tensor.converted(to: target).converted(to: .float32).floats.last?.isNaN == true)
    }
  }

  @Test("integers and Booleans are refused both ways", arguments: DType.allCases)
  func notReal(dtype: DType) throws {
    if dtype.isFloatingPoint { return }
    let integers = HostTensor(zeros: [2], dtype: dtype)
    #expect(throws: TensorsError.self) { try integers.view.convertedToFloat32() }
    for float in Self.floatingPoint {
      #expect(throws: TensorsError.self) { try integers.converted(to: float) }
      #expect(throws: TensorsError.self) {
        try HostTensor(zeros: [2], dtype: float).converted(to: dtype)
      }
    }
    #expect(try integers.converted(to: dtype).byteCount == integers.byteCount)
  }
}
