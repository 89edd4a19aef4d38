// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth

/// Which units of a grown tensor are copies of each other, through any number of growths.
struct TracedTensor: Sendable {
  /// One axis: where each index comes from.
  struct Axis: Sendable {
    /// The index in the tensor before the growths; nil where it has no source.
    var origins: [Int?]
    /// The factor on activations: a copy's activation is so many times its source's.
    var forward: [Double]

    /// An axis of sources.
    init(_ count: Int) {
      origins = (0..<count).map { $0 }
      forward = [Double](repeating: 1, count: count)
    }
  }

  var spec: ParameterSpec
  var axes: [Axis]
  /// The tensor before the growths, by its number; nil for a new one.
  var source: Int?

  /// A tensor that was never grown, or is new.
  init(_ spec: ParameterSpec, source: Int? = nil) {
    self.spec = spec
    self.source = source
    axes = spec.axes.map { Axis($0.size) }
  }

  /// The tensor after a growth.
  init(_ growth: TensorGrowth, from source: TracedTensor?) {
    self.init(growth.target, source: source?.source)
    guard let source, growth.axes.count == axes.count else { return }
    for index in axes.indices {
      axes[index] = Axis(
        source.axes[index], growth.axes[index],
        isInput: spec.axes[index].direction == .input)
    }
  }
}

extension TracedTensor.Axis {
  /// The axis after a growth.
  fileprivate init(_ old: Self, _ map: AxisMap, isInput: Bool) {
    origins = []
    forward = []
    for run in map.runs {
      for offset in 0..<run.count {
        guard case .indices(let first) = run.source else {
          origins.append(nil)
          forward.append(0)
          continue
        }
        origins.append(old.origins[first + offset])
        // Writers take the factor on activations into their weights, readers into their gradients.
        forward.append(old.forward[first + offset] * (isInput ? run.gradient : run.value))
      }
    }
  }

  /// The indices of each source that has several copies.
  var copies: [[Int]] {
    var indices: [Int: [Int]] = [:]
    for (index, origin) in origins.enumerated() {
      if let origin { indices[origin, default: []].append(index) }
    }
    return indices.sorted { $0.key < $1.key }.map(\.value).filter { $0.count > 1 }
  }
}

extension GrowthPath {
  /// The tensors of the grown model with the copies that the growths made.
  var tracedTensors: [TracedTensor] {
    carried(sourceParameters.enumerated().map { TracedTensor($1, source: $0) }) {
      _, growth, source in
      TracedTensor(growth, from: source)
    }
  }
}
