// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The memory that growing in memory takes.
enum GrowthMemory {
  /// Checks that a small model and what grows of it fit into memory.
  ///
  /// - Parameters:
  ///   - partCount: tensors of each parameter: 1, or 3 with its moments.
  ///   - memory: what may be taken.
  /// - Throws: `TensorsError` of code `insufficientMemory`.
  static func check(
    _ path: GrowthPath, partCount: Int, memory: MachineMemory = .current
  ) throws {
    let counts = [path.sourceParameters, path.targetParameters].map { parameters in
      parameters.reduce(0) { $0 + $1.shape.elementCount }
    }
    // Float32.
    try memory.check(
      MachineMemory.bytes([4, partCount, counts[0]], [4, partCount, counts[1]]),
      for: "two models of \(counts[0]) and \(counts[1]) parameters"
        + (partCount > 1 ? " with their moments" : ""),
      remedy:
        "grow from file to file (ModelGrowth, espalier grow), which takes little, or grow less",
      subject: path.operation)
  }
}
