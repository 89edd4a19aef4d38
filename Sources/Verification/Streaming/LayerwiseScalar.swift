// SPDX-License-Identifier: Apache-2.0
import LinearAlgebra
import Tensors

/// The numbers that a layerwise pass computes with: float32 as models are used, float64 to prove them.
protocol LayerwiseScalar: BinaryFloatingPoint, Sendable {
  typealias Operand = MatrixArithmetic.Operand<Self>

  /// C[M, N] = A[M, K] · B[K, N] (+ C).
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Self>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic) throws

  /// Widens real numbers of a type, not necessarily aligned; float64 may be rounded.
  static func widen(
    _ bytes: UnsafeRawBufferPointer, _ type: DType, into target: UnsafeMutablePointer<Self>)
}

extension Float: LayerwiseScalar {
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic
  ) throws {
    try arithmetic.multiply(
      a, b, into: c, stride: stride, rows: rows, columns: columns, depth: depth,
      accumulates: accumulates)
  }

  static func widen(
    _ bytes: UnsafeRawBufferPointer, _ type: DType, into target: UnsafeMutablePointer<Float>
  ) {
    if type == .float32 {
      UnsafeMutableRawBufferPointer(start: target, count: bytes.count).copyMemory(from: bytes)
    } else {
      type.forEach(in: bytes) {
        target[$0] = Float($1)
      } narrow: {
        target[$0] = $1
      }
    }
  }
}

extension Double: LayerwiseScalar {
  static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Double>, stride: Int, rows: Int,
    columns: Int, depth: Int, accumulates: Bool, _ arithmetic: MatrixArithmetic
  ) throws {
    arithmetic.multiply(
      a, b, into: c, stride: stride, rows: rows, columns: columns, depth: depth,
      accumulates: accumulates)
  }

  static func widen(
    _ bytes: UnsafeRawBufferPointer, _ type: DType, into target: UnsafeMutablePointer<Double>
  ) {
    type.forEach(in: bytes) {
      target[$0] = $1
    } narrow: {
      target[$0] = Double($1)
    }
  }
}

extension DType {
  /// Gives every real number of this type to `wide` or `narrow`, as float64 or float32 holds it.
  @inline(__always)
  fileprivate func forEach(
    in bytes: UnsafeRawBufferPointer, wide: (Int, Double) -> Void, narrow: (Int, Float) -> Void
  ) {
    let count = bytes.count / byteWidth
    switch self {
    case .float32:
      for index in 0..<count {
        narrow(index, bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
      }
    case .bfloat16:
      for index in 0..<count {
        let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        narrow(index, Float(bitPattern: UInt32(bits) << 16))
      }
    case .float16:
      for index in 0..<count {
        let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        narrow(index, Float16Bits.float(bits))
      }
    case .float64:
      for index in 0..<count {
        wide(index, bytes.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
      }
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool: break
    }
  }
}
