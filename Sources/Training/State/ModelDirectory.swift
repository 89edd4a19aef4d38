// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Foundation
import Tensors
import Wording

/// A model in a Hugging Face directory: `config.json` with `model.safetensors` or its shards.
///
/// Every checkpoint of this library is such a directory too. Opening maps the files and checks their
/// names and shapes; values are read when asked for.
public struct ModelDirectory: Sendable {
  /// The directory.
  public let url: URL
  /// What `config.json` and `generation_config.json` say.
  ///
  /// Where the files hold a head of their own beside the embedding, the model has both, even if
  /// `config.json` ties them.
  public let configuration: HuggingFaceConfiguration
  /// The model's program.
  public let program: Program
  /// The tensors as the files hold them.
  public let tensors: any TensorSource
  /// The name in the files of each of the program's parameters.
  public let tensorNames: [String]
  /// What a user should know of the files: a head that is not tied, tensors that were passed over.
  public let notes: [String]

  /// Opens a directory.
  ///
  /// - Parameters:
  ///   - families: families beside the known ones, which come first.
  ///   - patterns: names (`*`, `?`, `[…]`) of tensors that are no part of the model and are passed over;
  ///     empty tensors always are.
  /// - Throws: ``TrainingError`` of code `unreadableFile` where there is no `config.json`; the errors
  ///   of Architectures and Checkpoints, which name the key, file or tensor.
  public init(
    reading url: URL, families: [DecoderFamily] = [], ignoring patterns: [String] = []
  ) throws {
    self.url = url
    let file = url.appending(path: TrainingStateFiles.configuration)
    var configuration = try HuggingFaceConfiguration(
      Self.contents(of: file), file: file.path, families: families,
      generation: Self.generation(in: url))
    let tensors = try openTensors(in: url)
    let model = try ModelTensors(
      of: configuration, in: tensors, ignoring: patterns, file: url.path)
    configuration.model = model.model
    self.configuration = configuration
    program = model.program
    tensorNames = model.names
    notes = model.notes
    self.tensors = tensors
  }

  /// The bytes of `generation_config.json`; nil where there is none.
  static func generation(in url: URL) throws -> (data: Data, file: String)? {
    let file = url.appending(path: TrainingStateFiles.generation)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return (try contents(of: file), file.path)
  }

  /// All parameters as float32, in the program's order.
  ///
  /// - Throws: the errors of Checkpoints, for instance for a type that is no real number;
  ///   `TensorsError` of code `insufficientMemory`.
  public func values() throws -> [HostTensor] {
    let count = program.parameterCount.total
    try MachineMemory.current.check(
      MachineMemory.bytes([count, 4]), for: "\(count) parameters in float32",
      remedy: "use a smaller model", subject: url.path(percentEncoded: false))
    return try tensorNames.map { try tensors.float32(named: $0) }
  }

  /// The contents of `tokenizer.json`; nil where there is none.
  public func tokenizerJSON() throws -> Data? {
    let file = url.appending(path: TrainingStateFiles.tokenizer)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return try Self.contents(of: file)
  }

  static func contents(of file: URL) throws -> Data {
    do { return try RegularFile.contents(of: file.path, atMost: 256 << 20) } catch {
      throw TrainingError(
        .unreadableFile, "\(error.message); is this a directory with a model?", subject: file.path)
    }
  }

  /// Writes a model as a new directory, which appears whole or not at all.
  ///
  /// - Parameters:
  ///   - values: float32, one for each parameter of the configuration's program, in its order.
  ///   - type: the type of the weights in the file: float32, float16 or bfloat16.
  ///   - tokenizer: the contents of `tokenizer.json`; nil for none.
  ///   - maximumShardByteCount: bytes of tensors in one file; nil for a single file.
  /// - Throws: the errors of Architectures, Checkpoints and Tensors.
  public static func write(
    to target: URL, configuration: HuggingFaceConfiguration, values: [HostTensor],
    as type: DType = .float32, tokenizer: Data?, maximumShardByteCount: Int? = nil
  ) throws {
    var configuration = configuration
    configuration.weightType = type
    let specs = try configuration.model.program().parameters
    try check(values, specs)
    let byName = Dictionary(zip(specs.map(\.name), values)) { first, _ in first }
    try CheckpointDirectory.write(to: target) { writer in
      try writer.write(configuration.encoded(), to: TrainingStateFiles.configuration)
      try writer.write(configuration.encodedGeneration(), to: TrainingStateFiles.generation)
      try writer.write(tokenizer: tokenizer, for: configuration)
      try writer.writeTensors(
        TrainingStateFiles.model,
        specs.map { TensorSpec($0.name, dtype: type, shape: $0.shape) },
        metadata: ["format": "pt"], maximumShardByteCount: maximumShardByteCount
      ) { entry in
        guard let value = byName[entry.name] else {
          throw TrainingError(.missingParameter, "was not given to be saved", subject: entry.name)
        }
        return try value.converted(to: type)
      }
    }
  }

  static func check(_ values: [HostTensor], _ specs: [ParameterSpec]) throws {
    guard values.count == specs.count else {
      throw TrainingError(
        .invalidState,
        "\(counted(values.count, "value")) for a model of \(counted(specs.count, "parameter"))",
        subject: "parameters")
    }
    for (value, spec) in zip(values, specs)
    where value.shape != spec.shape || value.dtype != .float32 {
      throw TrainingError(
        .invalidState, "is \(value.dtype) \(value.shape), expected float32 \(spec.shape)",
        subject: spec.name)
    }
  }
}
