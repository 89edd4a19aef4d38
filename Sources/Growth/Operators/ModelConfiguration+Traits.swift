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
      new >= old, .unreachable, subject: subject,
      "\(new) is less than the model's \(old); growth reaches \(old) and more")
  }

  /// Copies are listed one by one, so their number is checked before any list is made.
  static func checkCopies(_ subject: String, from old: Int, to new: Int) throws {
    try check(
      new / max(1, old) <= UnitMap.mostCopies, .unreachable, subject: subject,
      "\(new) is more than \(UnitMap.mostCopies) times the model's \(old), the most that one growth "
        + "reaches; check the number, or grow in several steps")
  }
}
