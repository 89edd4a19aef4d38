// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// The memory that growing in memory takes.
enum GrowthMemory {
  /// Checks that two models in a row fit into memory.
  ///
  /// - Parameters:
  ///   - partCount: tensors of each parameter: 1, or 3 with its moments.
  ///   - memory: what may be taken.
  /// - Throws: `TensorsError` of code `insufficientMemory`; the errors of Architectures.
  static func check(
    _ plans: [GrowthPlan], partCount: Int, memory: MachineMemory = .current
  ) throws {
    for plan in plans {
      let counts = try [plan.source, plan.target].map { try $0.parameterCount().total }
      // Float32.
      try memory.check(
        MachineMemory.bytes([4, partCount, counts[0]], [4, partCount, counts[1]]),
        for: "two models of \(counts[0]) and \(counts[1]) parameters"
          + (partCount > 1 ? " with their moments" : ""),
        remedy:
          "grow from file to file (ModelGrowth, espalier grow), which takes little, or grow less",
        subject: plan.operation)
    }
  }
}
