// SPDX-License-Identifier: Apache-2.0
import Architectures

extension ModelConfiguration {
  /// Whether the norms take the mean away, so that units to come must hold it.
  func centresNorms() throws -> Bool {
    try operationsOfOneBlock().contains {
      if case .norm(.layer, _, _, _, _, _) = $0 { true } else { false }
    }
  }

  /// Whether positions turn pairs of a head's components.
  func turnsPairs() throws -> Bool {
    try operationsOfOneBlock().contains { if case .rotary = $0 { true } else { false } }
  }

  /// Whether positions have a table.
  func learnsPositions() throws -> Bool {
    try operationsOfOneBlock().contains {
      if case .positionEmbedding = $0 { true } else { false }
    }
  }

  /// What a model of these sizes does, whether or not it has blocks yet.
  private func operationsOfOneBlock() throws -> [Program.Operation] {
    var model = self
    model.layerCount = 1
    return try model.program().operations
  }
}

extension GrowthError {
  /// Growth only adds.
  static func checkGrows(_ subject: String, from old: Int, to new: Int) throws {
    try check(
      new >= old, .unreachable, subject,
      "\(new) is less than the model's \(old); growth reaches \(old) and more")
  }
}
