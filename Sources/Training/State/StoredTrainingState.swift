// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Documents
import Foundation
import Tensors
import Wording

/// A checkpoint's training state whose tensors stay on disk.
package struct StoredTrainingState: Sendable {
  /// All of the state but its tensors.
  package var status: TrainingStatus
  /// Each parameter's counts and multipliers, in the order of the model's program.
  package var clocks: [ParameterClock]
  private let values: any TensorSource
  private let moments: any TensorSource
  private let specs: [ParameterSpec]

  /// Opens a checkpoint; nothing is compared with checksums.
  ///
  /// - Throws: ``TrainingError`` of code `unsupportedFormat` or `invalidState` where a tensor has
  ///   another type or shape than the state's; the errors of Checkpoints.
  package init(reading directory: URL) throws {
    let file = directory.appending(path: TrainingStateFiles.state)
    let contents = try TrainingState.contents(of: file)
    status = contents.status
    clocks = contents.parameters
    specs = try contents.validate(readFrom: file)
    values = try openTensors(in: directory, baseName: TrainingStateFiles.model)
    moments = try openTensors(in: directory, baseName: TrainingStateFiles.optimizer)
    for (index, spec) in specs.enumerated() {
      for part in StatePart.all {
        try Self.check(location(of: index, part)?.entry, spec, part)
      }
    }
  }

  private static func check(_ entry: TensorEntry?, _ spec: ParameterSpec, _ part: StatePart) throws
  {
    guard let entry else {
      if part != .value { return }
      throw TrainingError(.invalidState, "has no value in the file", subject: spec.name)
    }
    guard entry.dtype == .float32, entry.shape == spec.shape else {
      throw TrainingError(
        .invalidState,
        "is \(entry.dtypeName) \(entry.shape), where a training state holds F32 \(spec.shape)",
        subject: entry.name)
    }
  }

  /// Where a parameter's tensor is; nil where there is none.
  package func location(of index: Int, _ part: StatePart) -> TensorLocation? {
    let name = TrainingStateFiles.name(of: specs[index].name, part)
    return part == .value ? values.location(of: name) : moments.location(of: name)
  }
}

extension TrainingStateFiles {
  /// A tensor's name in its file.
  package static func name(of parameter: String, _ part: StatePart) -> String {
    switch part {
    case .value: parameter
    case .slot(let slot): "\(slot.name).\(parameter)"
    }
  }

  /// The contents of `training_state.json`.
  ///
  /// - Throws: ``TrainingError`` of code `invalidState` where a number is not finite.
  package static func encoded(_ status: TrainingStatus, _ clocks: [ParameterClock]) throws -> Data {
    do {
      return try Document.encoded(Contents(status, clocks)) + Data("\n".utf8)
    } catch {
      throw TrainingError(
        .invalidState, "the state holds a number that is not finite: \(reason(of: error))",
        subject: state)
    }
  }
}
