// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Documents
import Foundation
import Tensors
import Wording

/// The files of a checkpoint, by stable names.
///
/// Any tool that reads Hugging Face directories opens `model.safetensors`, `config.json` and
/// `tokenizer.json`; the other two are what training needs besides.
public enum TrainingStateFiles {
  /// The newest version that this library reads and writes: a state whose parameters have new entries,
  /// of which programs that read the first version alone know nothing.
  public static let formatVersion = 2
  /// All of the state but its tensors.
  public static let state = "training_state.json"
  /// Base name of the moments' file, `optimizer.safetensors`.
  public static let optimizer = "optimizer"
  /// Base name of the parameters' file, `model.safetensors`.
  public static let model = "model"
  /// The model's configuration in Hugging Face's form.
  public static let configuration = "config.json"
  /// How Hugging Face's tools generate text: above all the tokens that end it.
  public static let generation = "generation_config.json"
  /// The tokenizer in Hugging Face's form.
  public static let tokenizer = "tokenizer.json"

  struct Contents: Codable {
    var formatVersion: Int
    var status: TrainingStatus
    var parameters: [ParameterClock]

    /// A state in the oldest version that can hold it.
    init(_ status: TrainingStatus, _ clocks: [ParameterClock]) {
      formatVersion = clocks.allSatisfy(\.newEntries.isEmpty) ? 1 : TrainingStateFiles.formatVersion
      self.status = status
      parameters = clocks
    }

    /// Checks what a file says, and names the file with what is wrong.
    ///
    /// - Returns: the model's parameters.
    func validate(readFrom file: URL) throws -> [ParameterSpec] {
      try status.validate(readFrom: file)
      let specs = try status.model.program().parameters
      guard parameters.map(\.name) == specs.map(\.name) else {
        throw TrainingError(
          .invalidState, "its parameters are not those of its model", subject: file.path)
      }
      do {
        for (clock, spec) in zip(parameters, specs) { try clock.validate(spec.shape) }
      } catch var error as TrainingError {
        error.subject = "\(file.path): \(error.subject)"
        throw error
      }
      return specs
    }
  }
}

extension TrainingState {
  /// Writes the state's files into a checkpoint.
  ///
  /// - Parameters:
  ///   - configuration: carries what the state does not know for `config.json` (ids of tokens, other
  ///     keys of the file it was read from); its model is replaced by the state's.
  ///   - tokenizer: the contents of `tokenizer.json`; nil for none.
  /// - Throws: ``TrainingError`` for a state that is not sound; the errors of Checkpoints.
  public func write(
    to writer: CheckpointWriter, configuration: HuggingFaceConfiguration? = nil, tokenizer: Data?
  ) throws {
    let specs = try validate().parameters
    var file = configuration ?? HuggingFaceConfiguration(status.model)
    file.model = status.model
    file.weightType = .float32
    try writer.write(file.encoded(), to: TrainingStateFiles.configuration)
    try writer.write(file.encodedGeneration(), to: TrainingStateFiles.generation)
    try writer.write(tokenizer: tokenizer, for: file)
    try writer.write(encodedStatus(specs), to: TrainingStateFiles.state)
    try writer.write(
      tensors: zip(specs, parameters).map { ($0.name, $1.value) }, to: TrainingStateFiles.model)
    try writer.write(tensors: moments(specs), to: TrainingStateFiles.optimizer)
  }

  /// Writes the state as a checkpoint of its own.
  ///
  /// - Throws: as ``write(to:configuration:tokenizer:)-(CheckpointWriter,_,_)``; then whatever was at
  ///   `target` before is still there.
  public func write(
    to target: URL, configuration: HuggingFaceConfiguration? = nil, tokenizer: Data?
  ) throws {
    try CheckpointDirectory.write(to: target) {
      try write(to: $0, configuration: configuration, tokenizer: tokenizer)
    }
  }

  private func encodedStatus(_ specs: [ParameterSpec]) throws -> Data {
    try TrainingStateFiles.encoded(
      status, zip(specs, parameters).map { ParameterClock(name: $0.name, $1) })
  }

  private func moments(_ specs: [ParameterSpec]) -> [(String, HostTensor)] {
    zip(specs, parameters).flatMap { spec, state in
      StateSlot.all.compactMap { slot in
        state.slots[slot].map { (TrainingStateFiles.name(of: spec.name, .slot(slot)), $0) }
      }
    }
  }

  /// Reads a checkpoint.
  ///
  /// - Parameter level: how closely the files are compared with the manifest first.
  /// - Throws: ``TrainingError`` of code `unsupportedFormat`, `invalidState` or `missingParameter`;
  ///   the errors of Checkpoints, among them `damagedCheckpoint` with every damaged file.
  public init(reading directory: URL, verifying level: VerificationLevel = .checksums) throws {
    try CheckpointDirectory.verify(directory, level: level)
    let file = directory.appending(path: TrainingStateFiles.state)
    let contents = try Self.contents(of: file)
    let specs = try contents.validate(readFrom: file)
    let count = specs.reduce(0) { $0 + $1.shape.elementCount }
    try MachineMemory.current.check(
      TrainingMemory.stateBytes(parameterCount: count),
      for: "\(count) parameters with their moments", remedy: "use a smaller model",
      subject: directory.path(percentEncoded: false))
    let values = try openTensors(in: directory, baseName: TrainingStateFiles.model)
    let moments = try openTensors(in: directory, baseName: TrainingStateFiles.optimizer)
    status = contents.status
    parameters = try zip(specs, contents.parameters).map { spec, clock in
      var state = ParameterState(value: try values.exactly(spec.name), clock: clock)
      for slot in StateSlot.all {
        let name = TrainingStateFiles.name(of: spec.name, .slot(slot))
        state.slots[slot] = try moments.ifPresent(name)
      }
      return state
    }
    try validate()
  }

  /// Reads all of a checkpoint's state but its tensors, without comparing checksums.
  ///
  /// - Throws: ``TrainingError`` of code `unsupportedFormat` or `invalidState`.
  public static func status(in directory: URL) throws -> TrainingStatus {
    let file = directory.appending(path: TrainingStateFiles.state)
    let status = try contents(of: file).status
    try status.validate(readFrom: file)
    return status
  }

  /// Reads all of a checkpoint's state but its tensors, with the counts and multipliers of its parameters in
  /// the order of the model's program.
  ///
  /// - Throws: ``TrainingError`` of code `unsupportedFormat` or `invalidState`.
  package static func outline(
    in directory: URL
  ) throws -> (status: TrainingStatus, clocks: [ParameterClock]) {
    let file = directory.appending(path: TrainingStateFiles.state)
    let contents = try contents(of: file)
    _ = try contents.validate(readFrom: file)
    return (contents.status, contents.parameters)
  }

  static func contents(of file: URL) throws -> TrainingStateFiles.Contents {
    do {
      // Some hundred bytes for each parameter tensor.
      let data = try RegularFile.contents(of: file.path, atMost: 256 << 20)
      let document = try Document(parsing: data)
      try document.check(version: 1...TrainingStateFiles.formatVersion)
      return try document.decode()
    } catch let error as DocumentError where error.code == .unsupportedVersion {
      throw TrainingError(.unsupportedFormat, error, subject: file.path)
    } catch let error as TrainingError {
      throw error
    } catch {
      throw TrainingError(
        .invalidState, "is not the state of a training run: \(reason(of: error))",
        subject: file.path)
    }
  }
}

extension CheckpointWriter {
  /// Writes float32 tensors to a file of their own.
  fileprivate func write(tensors: [(name: String, tensor: HostTensor)], to baseName: String) throws
  {
    let byName = Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
    try writeTensors(
      baseName, tensors.map { TensorSpec($0.name, shape: $0.tensor.shape) },
      metadata: ["format": "pt"]
    ) { entry in
      guard let tensor = byName[entry.name] else {
        throw TrainingError(.missingParameter, "was not given to be saved", subject: entry.name)
      }
      return tensor
    }
  }
}

extension TensorSource {
  /// A float32 tensor as it is; no other type, since a state must come back bit for bit.
  fileprivate func exactly(_ name: String) throws -> HostTensor {
    let view = try tensor(named: name)
    guard view.dtype == .float32 else {
      throw TrainingError(
        .invalidState, "is \(view.dtype), where a training state holds float32", subject: name)
    }
    return HostTensor(copying: view)
  }

  fileprivate func ifPresent(_ name: String) throws -> HostTensor? {
    entry(named: name) == nil ? nil : try exactly(name)
  }
}
