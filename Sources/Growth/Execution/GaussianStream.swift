// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Independent Gaussians of mean 0 and variance 1, numbered, so that any range can be drawn by itself.
///
/// Growth draws hundreds of millions of them, at the speed of memory; the initializer of new models
/// has a generator of its own, whose values must never change.
struct GaussianStream: Sendable, Hashable {
  private let key: UInt64
  private let stream: UInt64

  /// The stream of a name, which is the counter's upper half.
  init(seed: UInt64, name: String) {
    key = seed
    stream = Philox.stream(named: name)
  }

  /// Draws as many as the target holds, from number `first` on.
  func draw(from first: Int, into target: UnsafeMutableBufferPointer<Float>) {
    var random = ck_random(
      key0: UInt32(truncatingIfNeeded: key), key1: UInt32(truncatingIfNeeded: key >> 32),
      counter2: UInt32(truncatingIfNeeded: stream),
      counter3: UInt32(truncatingIfNeeded: stream >> 32))
    guard let base = target.baseAddress else { return }
    ck_gaussian(base, target.count, &random, UInt64(first))
  }
}
