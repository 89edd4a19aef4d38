// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// Independent Gaussians of mean 0 and variance 1, numbered, so that any range can be drawn by itself.
///
/// Growth draws hundreds of millions of them, at the speed of memory; the initializer of new models
/// has a generator of its own, whose values must never change.
package struct GaussianStream: Sendable, Hashable {
  private let key: UInt64
  private let stream: UInt64

  /// The stream of a name, which is the counter's upper half.
  init(seed: UInt64, name: String) {
    key = seed
    stream = Philox.stream(named: name)
  }

  /// target = factor · source + deviation · noise, the noise from number `first` on; without a
  /// source, the noise alone.
  func add(
    to source: UnsafePointer<Float>?, times factor: Float, deviation: Float, first: Int,
    into target: UnsafeMutableBufferPointer<Float>
  ) {
    var random = ck_random(
      key0: UInt32(truncatingIfNeeded: key), key1: UInt32(truncatingIfNeeded: key >> 32),
      counter2: UInt32(truncatingIfNeeded: stream),
      counter3: UInt32(truncatingIfNeeded: stream >> 32))
    guard let to = target.baseAddress else { return }
    ck_add_gaussian(source, factor, deviation, to, target.count, &random, UInt64(first))
  }
}
