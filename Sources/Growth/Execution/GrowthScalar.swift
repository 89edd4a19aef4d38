// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// The types that growth computes in: float32 as training holds it, float64 to prove it.
package protocol GrowthScalar: RealElement {
  /// target = factor · source, copied where the factor is 1.
  static func copy(
    _ source: UnsafePointer<Self>, times factor: Self,
    into target: UnsafeMutableBufferPointer<Self>)

  /// target = factor · source + deviation · noise; without a source, the noise alone.
  static func copy(
    _ source: UnsafePointer<Self>?, times factor: Self, adding noise: UnsafePointer<Float>,
    times deviation: Double, into target: UnsafeMutableBufferPointer<Self>)

  /// The same with noise that a type holds, so that it cancels in files as well; float32 rounds the
  /// source to that type's digits. See ``RepresentableNoise``.
  ///
  /// - Parameter isAdded: whether the source is added, or the noise alone is wanted.
  static func copy(
    _ source: UnsafePointer<Self>, times factor: Self, isAdded: Bool,
    adding noise: UnsafePointer<Float>, times deviation: Double, as format: RepresentableNoise,
    into target: UnsafeMutableBufferPointer<Self>)

  /// The sum of all squares in float64, the same on every machine.
  static func sumOfSquares(_ elements: UnsafeBufferPointer<Self>) -> Double
}

extension Float: GrowthScalar {
  package static func copy(
    _ source: UnsafePointer<Float>, times factor: Float,
    into target: UnsafeMutableBufferPointer<Float>
  ) {
    guard let to = target.baseAddress else { return }
    if factor == 1 {
      to.update(from: source, count: target.count)
    } else {
      ck_scale(source, factor, to, target.count)
    }
  }

  package static func copy(
    _ source: UnsafePointer<Float>?, times factor: Float, adding noise: UnsafePointer<Float>,
    times deviation: Double, into target: UnsafeMutableBufferPointer<Float>
  ) {
    guard let to = target.baseAddress else { return }
    ck_add_noise(source, factor, noise, Float(deviation), to, target.count)
  }

  package static func copy(
    _ source: UnsafePointer<Float>, times factor: Float, isAdded: Bool,
    adding noise: UnsafePointer<Float>, times deviation: Double, as format: RepresentableNoise,
    into target: UnsafeMutableBufferPointer<Float>
  ) {
    guard let to = target.baseAddress else { return }
    ck_add_representable_noise(
      source, factor, noise, Float(deviation), isAdded ? 1 : 0, Int32(format.digitCount),
      Float(format.least), Float(format.largest), to, target.count)
  }

  package static func sumOfSquares(_ elements: UnsafeBufferPointer<Float>) -> Double {
    elements.baseAddress.map { ck_sum_of_squares($0, elements.count) } ?? 0
  }
}

extension Double: GrowthScalar {
  package static func copy(
    _ source: UnsafePointer<Double>, times factor: Double,
    into target: UnsafeMutableBufferPointer<Double>
  ) {
    for index in target.indices { target[index] = source[index] * factor }
  }

  package static func copy(
    _ source: UnsafePointer<Double>?, times factor: Double, adding noise: UnsafePointer<Float>,
    times deviation: Double, into target: UnsafeMutableBufferPointer<Double>
  ) {
    for index in target.indices {
      target[index] =
        (source.map { $0[index] * factor } ?? 0) + deviation * Double(noise[index])
    }
  }

  package static func copy(
    _ source: UnsafePointer<Double>, times factor: Double, isAdded: Bool,
    adding noise: UnsafePointer<Float>, times deviation: Double, as format: RepresentableNoise,
    into target: UnsafeMutableBufferPointer<Double>
  ) {
    // The weight keeps its digits: float64 is for proofs, and rounds where it is written.
    for index in target.indices {
      let value = source[index] * factor
      let added = format.noise(deviation * Double(noise[index]), besides: value)
      target[index] = isAdded ? value + added : added
    }
  }

  package static func sumOfSquares(_ elements: UnsafeBufferPointer<Double>) -> Double {
    elements.reduce(0) { $0 + $1 * $1 }
  }
}
