// SPDX-License-Identifier: Apache-2.0
import Architectures

extension ModelConfiguration {
  /// Whether the norms take the mean away, so that units to come must hold it.
  var centresNorms: Bool { traits.norm == .layer }

  /// Whether positions turn pairs of a head's components.
  var turnsPairs: Bool { traits.positions == .rotary }

  /// Whether positions have a table.
  var learnsPositions: Bool { traits.positions == .learned }
}

extension GrowthError {
  /// Growth only adds.
  static func checkGrows(_ subject: String, from old: Int, to new: Int) throws {
    try check(
      new >= old, .unreachable, subject,
      "\(new) is less than the model's \(old); growth reaches \(old) and more")
  }
}
