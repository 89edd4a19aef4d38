// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Tensors
import Training

/// Rows of the tensors that a growth makes, in float64, straight from the small model's files: what the
/// grown model would be if no file rounded it.
///
/// Many threads may ask for rows at once, of models of any size.
package final class GrownRows: Sendable {
  private let executor: GrowthExecutor<FileSource>
  private let parameters: [ParameterSpec]

  /// Prepares a growth.
  ///
  /// - Parameters:
  ///   - directory: the small model.
  ///   - path: the growths, with the seed.
  ///   - types: what each of the grown parameters is for, which noise depends on.
  /// - Throws: the errors of Growth and of Checkpoints.
  package init(of directory: ModelDirectory, by path: GrowthPath, types: [DType]) throws {
    parameters = path.targetParameters
    try GrowthError.check(
      types.count == parameters.count, .mismatch, subject: "types",
      "\(types.count) for \(parameters.count) tensors")
    let places = StoredPlaces(directory)
    var tensors: [String: GrownTensor] = [:]
    for (index, spec) in parameters.enumerated() {
      let chain = path.chain(of: index, .value) { places.location(of: $0, $1) != nil }
      guard let chain else { throw GrowthError(.mismatch, "has no source", subject: spec.name) }
      tensors[spec.name] = GrownTensor(
        chain, as: .float64, noiseFor: types[index], isExact: true)
    }
    executor = GrowthExecutor(
      path, from: try FileSource(places, for: tensors.values.map(\.chain)), to: tensors,
      unsound: .passedOn)
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
    let spec = parameters[parameter]
    let width = 8 * (spec.shape.extents.last ?? 1)
    try executor.maker()(
      spec.name, rows.lowerBound * width..<rows.upperBound * width,
      UnsafeMutableRawBufferPointer(start: target, count: rows.count * width))
  }
}
