// SPDX-License-Identifier: Apache-2.0
import CKernels
import LinearAlgebra
import Training

/// One run of a compiled program: where its buffers are and what differs from run to run.
final class Execution {
  /// The arena's first byte.
  let base: UnsafeMutableRawPointer
  /// Byte offset of each buffer.
  let offsets: [Int]

  /// Token ids, one per row.
  var tokens: UnsafePointer<Int32>
  /// Targets, one per row.
  var targets: UnsafePointer<Int32>
  /// Factor on each target's loss before it is differentiated.
  var lossWeight: Float = 0
  /// Whether gradients are added to those already there.
  var accumulates = false
  /// Names this run's dropout.
  var dropoutKey = DropoutKey(seed: 0, step: 0, microBatch: 0)
  /// Position of each sequence's first row.
  var firstPosition = 0
  /// Keys and values of earlier positions.
  var cache: KeyValueCache?
  /// Where a program compiled for logits puts them.
  var logits: UnsafeMutablePointer<Float>?

  init(base: UnsafeMutableRawPointer, offsets: [Int], tokens: UnsafePointer<Int32>) {
    self.base = base
    self.offsets = offsets
    self.tokens = tokens
    targets = tokens
  }

  /// A matrix's first element.
  func pointer(_ matrix: Matrix) -> UnsafeMutableRawPointer {
    base + offsets[matrix.buffer] + matrix.offset * matrix.type.byteWidth
  }

  /// A float32 matrix's first element.
  func floats(_ matrix: Matrix) -> UnsafeMutablePointer<Float> {
    assert(matrix.type == .float32)
    return pointer(matrix).assumingMemoryBound(to: Float.self)
  }

  /// A bfloat16 matrix's first element.
  func halves(_ matrix: Matrix) -> UnsafeMutablePointer<ck_bf16> {
    assert(matrix.type == .bfloat16)
    return pointer(matrix).assumingMemoryBound(to: ck_bf16.self)
  }
}

/// Keys and values of one sequence's earlier positions, for every attention of a program.
final class KeyValueCache {
  /// The most positions.
  let capacity: Int
  private var memory: [Int: AlignedMemory] = [:]

  init(capacity: Int) { self.capacity = capacity }

  /// The keys (`part` 0) or values (`part` 1) of one attention: [capacity, width].
  func rows(attention: Int, part: Int, rowBytes: Int) throws -> UnsafeMutableRawPointer {
    let key = attention * 2 + part
    if let known = memory[key] { return known.base }
    let made = try AlignedMemory(byteCount: capacity * rowBytes)
    memory[key] = made
    return made.base
  }
}
