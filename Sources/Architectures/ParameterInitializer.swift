// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Draws the values that a new model starts with.
///
/// A value depends on the seed, the parameter's name and the element's number alone: not on threads,
/// nor on what other parameters the model has. So a model with a layer more starts its other layers
/// the same, and any range of elements can be drawn by itself.
public struct ParameterInitializer: Sendable {
  /// The run's seed.
  public var seed: UInt64

  /// An initializer of this seed.
  public init(seed: UInt64) { self.seed = seed }

  /// All values of a parameter, float32, shaped as its spec says.
  public func tensor(for spec: ParameterSpec) -> HostTensor {
    var result = HostTensor(zeros: spec.shape)
    result.withUnsafeMutableBytes { fill($0.bindMemory(to: Float.self), for: spec) }
    return result
  }

  /// Some values of a parameter, by the row-major numbers of its elements.
  public func values(for spec: ParameterSpec, elements: Range<Int>) -> [Float] {
    var result = [Float](repeating: 0, count: elements.count)
    result.withUnsafeMutableBufferPointer {
      fill($0, for: spec, firstElement: elements.lowerBound)
    }
    return result
  }

  private func fill(_ target: UnsafeMutableBufferPointer<Float>, for spec: ParameterSpec) {
    let chunk = 1 << 18
    let chunks = (target.count + chunk - 1) / chunk
    nonisolated(unsafe) let shared = target
    DispatchQueue.concurrentPerform(iterations: chunks) { index in
      let range = index * chunk..<min((index + 1) * chunk, shared.count)
      fill(
        UnsafeMutableBufferPointer(rebasing: shared[range]), for: spec,
        firstElement: range.lowerBound)
    }
  }

  private func fill(
    _ target: UnsafeMutableBufferPointer<Float>, for spec: ParameterSpec, firstElement: Int
  ) {
    switch spec.initializer {
    case .zeros: target.update(repeating: 0)
    case .ones: target.update(repeating: 1)
    case .constant(let value): target.update(repeating: Float(value))
    case .normal(let standardDeviation):
      let elements = firstElement..<firstElement + target.count
      NormalStream(seed: seed, name: spec.name).forEach(elements) { index, value in
        target[index] = Float(standardDeviation * value)
      }
    }
  }
}

extension Program {
  /// What a new model starts with, one tensor for each parameter, float32.
  public func initialParameters(seed: UInt64) -> [HostTensor] {
    let initializer = ParameterInitializer(seed: seed)
    return parameters.map { initializer.tensor(for: $0) }
  }
}

/// Independent Gaussians of mean 0 and variance 1, four to a block of Philox words.
package struct NormalStream: Sendable {
  private let generator: Philox
  private let stream: UInt64

  /// The stream of a name, which is the counter's upper half.
  package init(seed: UInt64, name: String) {
    generator = Philox(seed: seed)
    stream = Philox.stream(named: name)
  }

  /// Elements 4 · block ..< 4 · block + 4, by the transform of Box & Muller (1958): words x, y give
  /// √(−2 ln u) · (cos, sin)(2π v) with u = (x + ½) / 2³², v = y / 2³².
  package func block(_ block: UInt64) -> SIMD4<Double> {
    let words = generator.words(block: block, stream: stream)
    return SIMD4(
      lowHalf: Philox.normals(words.x, words.y), highHalf: Philox.normals(words.z, words.w))
  }

  /// Calls `body` with the values of a range of elements, each with its place in the range.
  package func forEach(_ elements: Range<Int>, _ body: (_ index: Int, _ value: Double) -> Void) {
    var index = 0
    while index < elements.count {
      let (block, first) = (elements.lowerBound + index).quotientAndRemainder(dividingBy: 4)
      let four = self.block(UInt64(block))
      for lane in first..<min(4, first + elements.count - index) {
        body(index, four[lane])
        index += 1
      }
    }
  }
}
