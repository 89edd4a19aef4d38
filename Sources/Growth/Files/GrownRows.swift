// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Training

/// Rows of the tensors that a growth makes, in float64, straight from the small model's files: what the
/// grown model would be if no file rounded it.
///
/// Many threads may ask for rows at once, of models of any size.
package final class GrownRows: Sendable {
  private let chains: [GrowthChain]
  private let types: [DType]
  private let store: GrowerStore
  private let files: [URL: RandomAccessFile]

  /// Prepares a growth.
  ///
  /// - Parameters:
  ///   - directory: the small model.
  ///   - plans: the growths in order.
  ///   - options: how they were carried out; the seed counts.
  ///   - types: what each of the grown parameters is for, which noise depends on.
  /// - Throws: the errors of Growth for plans of another model, and of Checkpoints.
  package init(
    of directory: ModelDirectory, by plans: [GrowthPlan], options: GrowthOptions,
    types: [DType]
  ) throws {
    self.types = types
    let all = try GrowthChains(plans, options: options)
    let count = try plans.last?.target.program().parameters.count ?? 0
    try GrowthError.check(
      types.count == count, .mismatch, "types", "\(types.count) for \(count) tensors")
    chains = try (0..<count).map { index in
      let chain = all.chain(of: index, .value) { source, _ in
        directory.tensors.location(of: directory.tensorNames[source])
      }
      guard let chain else {
        throw GrowthError(.mismatch, "has no source", subject: "tensor \(index)")
      }
      return chain
    }
    store = GrowerStore(all, for: chains)
    let sources = Set(chains.compactMap(\.source?.file))
    files = try Dictionary(uniqueKeysWithValues: sources.map { ($0, try RandomAccessFile($0)) })
  }

  /// Makes consecutive rows of a parameter.
  ///
  /// - Parameters:
  ///   - rows: their numbers along all axes but the last.
  ///   - parameter: its number in the grown model's program.
  ///   - target: room for the rows, one after the other.
  /// - Throws: ``GrowthError`` of code `unsupported` for a source of no real numbers; the errors of
  ///   Checkpoints.
  package func fill(
    _ rows: Range<Int>, of parameter: Int, into target: UnsafeMutablePointer<Double>
  ) throws {
    let file = try source(of: chains[parameter])
    let growers: [TensorGrower<Double>] = try store.growers(
      of: chains[parameter], from: file, as: types[parameter])
    let filler = GrowingFiller(from: file, growers, as: .float64, rounding: nil)
    let width = 8 * (chains[parameter].target.shape.extents.last ?? 1)
    try filler.fill(
      rows.lowerBound * width..<rows.upperBound * width,
      of: UnsafeMutableRawBufferPointer(start: target, count: rows.count * width))
  }

  private func source(of chain: GrowthChain) throws -> FileRows? {
    guard let location = chain.source, let file = files[location.file] else { return nil }
    guard let type = location.entry.dtype, type.isFloatingPoint else {
      throw GrowthError(
        .unsupported, "holds \(location.entry.dtypeName), which are no real numbers",
        subject: location.entry.name)
    }
    return FileRows(location, type: type, in: file)
  }
}
