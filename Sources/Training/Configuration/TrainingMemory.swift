// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// What training a model takes of this machine's memory, before any of it is taken.
public enum TrainingMemory {
  /// Float32 numbers that a session holds for each parameter: value, gradient, both moments.
  private static let sessionTensors = 4
  /// Float32 numbers of a parameter's state outside the session while a checkpoint is written: value
  /// and both moments.
  private static let stateTensors = 3

  /// Bytes of the parameters in a session, with gradients, moments and the copies that products read.
  public static func sessionBytes(parameterCount: Int, precision: Precision) -> Int {
    MachineMemory.bytes([parameterCount, 4 * sessionTensors + (precision == .bf16 ? 2 : 0)])
  }

  /// Bytes of a state's tensors outside a session.
  public static func stateBytes(parameterCount: Int) -> Int {
    MachineMemory.bytes([parameterCount, 4 * stateTensors])
  }

  /// Bytes of what an optimizer keeps of parameters, beyond AdamW's two moments of each, which the sizes of
  /// sessions and states count; below 0 where it keeps less.
  static func extraSlotBytes(
    of parameters: [ParameterSpec], _ optimizer: OptimizerConfiguration
  ) -> Int {
    parameters.reduce(0) {
      $0 + 4 * $1.shape.elementCount * (optimizer.slots(of: $1).count - 2)
    }
  }

  /// Bytes of a step's tokens: inputs and targets, whole and as micro-batches.
  public static func batchBytes(_ batch: BatchConfiguration, contextLength: Int) -> Int {
    MachineMemory.bytes([batch.sequences, batch.accumulate, contextLength, 2 * 2 * 4])
  }

  /// Checks that a step's tokens, and a model's parameters, gradients, moments and one checkpoint of
  /// them, fit into memory.
  ///
  /// What a step's activations take is the engine's to say.
  ///
  /// - Parameters:
  ///   - subject: the recipe's key, or the stage, that names the model.
  ///   - memory: what may be taken.
  /// - Throws: `TensorsError` of code `insufficientMemory` with both numbers; `ArchitecturesError`
  ///   for sizes that contradict each other.
  public static func check(
    _ model: ModelConfiguration, _ training: TrainingConfiguration, subject: String = "model",
    memory: MachineMemory = .current
  ) throws {
    _ = try parameters(of: model, training, subject, memory)
  }

  /// The number of parameters, once they and a step's tokens are known to fit, and ``extraSlotBytes(of:_:)``.
  private static func parameters(
    of model: ModelConfiguration, _ training: TrainingConfiguration, _ subject: String,
    _ memory: MachineMemory
  ) throws -> (count: Int, extraSlotBytes: Int) {
    let batch = training.batch
    try memory.check(
      batchBytes(batch, contextLength: model.contextLength),
      for: "the tokens of a step of \(batch.sequences) · \(batch.accumulate) sequences of "
        + "\(model.contextLength)",
      remedy: "use fewer sequences", subject: "batch")
    let count = try model.parameterCount().total
    func check(_ bytes: Int) throws {
      try memory.check(
        bytes, for: "training \(count) parameters with their gradients, moments and a checkpoint",
        remedy: "use a smaller model", subject: subject)
    }
    let (session, state) = (
      sessionBytes(parameterCount: count, precision: training.precision),
      stateBytes(parameterCount: count)
    )
    // A model that no optimizer could train here is refused before its parameters are listed.
    if session / 2 > memory.available { try check(MachineMemory.bytes([session], [state])) }
    let extra = extraSlotBytes(of: try model.program().parameters, training.optimizer)
    try check(MachineMemory.bytes([session + extra], [state + extra]))
    return (count, extra)
  }

  /// Checks that an engine can train a model beside what is in memory already.
  ///
  /// - Throws: as ``check(_:_:subject:memory:)``, with the activations of a micro-batch.
  public static func check(
    _ model: ModelConfiguration, _ training: TrainingConfiguration, on engine: any TrainingEngine,
    subject: String = "model", memory: MachineMemory = .current
  ) throws {
    let batch = training.batch
    let (count, extra) = try parameters(of: model, training, subject, memory)
    let session = try engine.trainingByteCount(
      of: try model.program(), precision: training.precision, sequenceCount: batch.sequences,
      sequenceLength: model.contextLength)
    let bytes = MachineMemory.bytes(
      [session + extra], [stateBytes(parameterCount: count) + extra],
      [batchBytes(batch, contextLength: model.contextLength)])
    try memory.check(
      bytes,
      for: "training \(count) parameters on micro-batches of \(batch.sequences) sequences of "
        + "\(model.contextLength) tokens",
      remedy: "use fewer sequences in a micro-batch (batch.sequences, with batch.accumulate), a "
        + "shorter context or a smaller model",
      subject: subject)
  }
}
