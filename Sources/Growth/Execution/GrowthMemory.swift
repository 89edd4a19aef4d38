// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// The memory that growing in memory takes.
enum GrowthMemory {
  /// Checks that two models in a row fit into memory.
  ///
  /// - Parameters:
  ///   - partCount: tensors of each parameter: 1, or 3 with its moments.
  ///   - limit: bytes that the process may have.
  /// - Throws: ``GrowthError`` of code `outOfMemory`; the errors of Architectures.
  static func check(
    _ plans: [GrowthPlan], partCount: Int, limit: Int = MachineMemory.current.available
  ) throws {
    for plan in plans {
      let counts = try [plan.source, plan.target].map { try $0.parameterCount().total }
      // A valid model has at most 2⁴⁸ parameters.
      let needed = 4 * partCount * (counts[0] + counts[1])
      try GrowthError.check(
        needed <= limit, .outOfMemory, plan.operation,
        "takes about \(needed) bytes in memory, of which this process may have \(limit); grow from "
          + "file to file (ModelGrowth, espalier grow), which takes little, or grow less")
    }
  }
}
