// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Tensors

/// The growers of all steps, each made when it is first needed and then kept: those that measure the
/// tensor they start from go through all of its rows once.
final class GrowerStore: Sendable {
  private let path: GrowthPath
  private let boxes: [GrowthChain.Step: Box]

  private final class Box: Sendable {
    let grower = Mutex<(any Sendable)?>(nil)
  }

  init(_ path: GrowthPath, for all: [GrowthChain]) {
    self.path = path
    let steps = Set(all.flatMap(\.steps))
    boxes = Dictionary(uniqueKeysWithValues: steps.map { ($0, Box()) })
  }

  /// The growers of a chain's steps.
  ///
  /// - Parameters:
  ///   - source: the tensor that the chain begins with; nil where all entries are new.
  ///   - type: the type that the chain's values are for.
  func growers<Scalar: GrowthScalar>(
    of chain: GrowthChain, from source: (some SourceTensor)?, as type: DType?
  ) throws -> [TensorGrower<Scalar>] {
    var rows: TensorRows<Scalar>? = source?.shared()
    var result: [TensorGrower<Scalar>] = []
    for step in chain.steps {
      let grower = try grower(of: step, from: rows, as: type)
      try source?.check()
      result.append(grower)
      rows = TensorRows(grower, from: rows)
    }
    return result
  }

  private func grower<Scalar: GrowthScalar>(
    of step: GrowthChain.Step, from rows: TensorRows<Scalar>?, as type: DType?
  ) throws -> TensorGrower<Scalar> {
    guard let box = boxes[step] else { return make(step, rows, type) }
    return box.grower.withLock { stored in
      if let grower = stored as? TensorGrower<Scalar> { return grower.reading(rows) }
      let grower = make(step, rows, type)
      stored = grower
      return grower
    }
  }

  private func make<Scalar: GrowthScalar>(
    _ step: GrowthChain.Step, _ rows: TensorRows<Scalar>?, _ type: DType?
  ) -> TensorGrower<Scalar> {
    TensorGrower(
      path.growth(step), part: step.part, source: rows, moments: path.options.moments,
      seed: path.seed(ofStep: step.plan), type: type)
  }
}

extension TensorRows {
  /// Rows that are grown when they are read, for many threads.
  init(_ grower: TensorGrower<Scalar>, from source: TensorRows<Scalar>?) {
    let length = source?.length ?? 0
    self.init(count: grower.rowCount, length: grower.rowLength) { row, target in
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: length) { scratch in
        scratch.initialize(repeating: 0)
        grower.fill(row: row, into: target, scratch: scratch)
      }
      return UnsafeBufferPointer(target)
    }
    sequential = { TensorRows(sequential: grower, from: source?.sequential?() ?? source) }
    threadCount = source?.threadCount
  }

  /// Rows that are grown when they are read, for one thread.
  init(sequential grower: TensorGrower<Scalar>, from source: TensorRows<Scalar>?) {
    let scratch = ScratchRow<Scalar>(length: source?.length ?? 0)
    let grower = grower.reading(source)
    self.init(count: grower.rowCount, length: grower.rowLength) { row, target in
      grower.fill(row: row, into: target, scratch: scratch.elements)
      return UnsafeBufferPointer(target)
    }
  }
}

/// Memory for one row.
final class ScratchRow<Scalar: GrowthScalar> {
  let elements: UnsafeMutableBufferPointer<Scalar>

  init(length: Int) {
    elements = .allocate(capacity: length)
    elements.initialize(repeating: 0)
  }

  deinit { elements.deallocate() }
}
