// SPDX-License-Identifier: Apache-2.0

extension UnitMap {
  /// The most units of a space, as in a model's configuration.
  static let mostUnits = 1 << 28

  /// Checks that sums of counts and places cannot overflow and name units that exist; maps may come
  /// from files.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch` that names the first run that is not possible.
  func checkRuns(_ subject: String) throws {
    func check(_ condition: Bool, _ message: @autoclosure () -> String) throws {
      try GrowthError.check(condition, .mismatch, subject: subject, message())
    }
    try check((1...Self.mostUnits).contains(sourceCount), "maps \(sourceCount) units")
    var total = 0
    for (number, run) in runs.enumerated() {
      try check(
        (1...Self.mostUnits).contains(run.count), "run \(number) of a map has \(run.count) units")
      total += run.count
      try check(total <= Self.mostUnits, "a map gives more than \(Self.mostUnits) units")
      try check(
        (0...Self.mostCopies).contains(run.copy), "run \(number) of a map is copy \(run.copy)")
      try check(
        run.forward.isFinite && run.backward.isFinite,
        "run \(number) of a map has the factors \(run.forward) and \(run.backward)")
      try check(isPossible(run), "run \(number) of a map names units that do not exist")
    }
  }

  /// A copy's number times the elements of a tensor in memory still fits an `Int`.
  static let mostCopies = 1 << 16

  private func isPossible(_ run: Run) -> Bool {
    switch run.source {
    case .units(let first): first >= 0 && first <= sourceCount - run.count
    case .blend(let lower, let fraction):
      lower >= 0 && lower < sourceCount - 1 && (0...1).contains(fraction)
    case .mean, .silent, .new: true
    }
  }
}
