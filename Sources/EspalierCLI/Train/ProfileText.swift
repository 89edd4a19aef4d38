// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// A profile of a training as people read it.
enum ProfileText {
  /// A table of the phases, and one of the operations of the steps.
  ///
  /// - Parameter file: where the whole profile was written; nil where it was not.
  static func lines(_ profile: TrainingProfile, file: String?) -> [String] {
    let operations = profile.operations.filter { $0.phase == .steps }
    var lines =
      ["Where \(seconds(profile.seconds)) went:"] + TextTable.lines(phases(profile), numbersFrom: 1)
    if !operations.isEmpty {
      lines += [""] + TextTable.lines(rows(of: operations, in: profile), numbersFrom: 1)
    }
    if let file {
      let rest = profile.droppedEvents > 0 ? " of the first steps" : ""
      lines += ["", "The trace\(rest) is \(file); open it at https://ui.perfetto.dev"]
    }
    return lines
  }

  private static func phases(_ profile: TrainingProfile) -> [[String]] {
    [["phase", "times", "time", "share", "each"]]
      + profile.phases.map { phase in
        [
          phase.phase.rawValue, phase.count > 0 ? Readable.exact(phase.count) : "",
          seconds(phase.seconds), share(phase.seconds, of: profile.seconds),
          phase.count > 0 ? seconds(phase.seconds / Double(phase.count)) : "",
        ]
      }
  }

  private static func rows(
    of operations: [TrainingProfile.OperationTime], in profile: TrainingProfile
  ) -> [[String]] {
    let whole = profile.seconds(of: .steps)
    let named = operations.reduce(0) { $0 + $1.seconds }
    let rows = operations.map { operation in
      let speed = operation.floatingPointOperationsPerSecond
      return [
        operation.name, Readable.exact(operation.count), seconds(operation.seconds),
        share(operation.seconds, of: whole),
        speed.map { String(format: "%.1f", $0 / 1e9) } ?? "",
        speed.flatMap { speed in profile.peak.map { share(speed, of: $0) } } ?? "",
        operation.bytesPerSecond.map { String(format: "%.1f", $0 / 1e9) } ?? "",
      ]
    }
    return [["operation of the steps", "calls", "time", "share", "GFLOP/s", "of peak", "GB/s"]]
      + rows + [
        ["between them", "", seconds(whole - named), share(whole - named, of: whole), "", "", ""]
      ]
  }

  private static func seconds(_ value: Double) -> String {
    value < 0.9995 ? String(format: "%.3g ms", value * 1e3) : String(format: "%.3g s", value)
  }

  private static func share(_ value: Double, of whole: Double) -> String {
    whole > 0 ? String(format: "%.1f %%", 100 * value / whole) : ""
  }
}
