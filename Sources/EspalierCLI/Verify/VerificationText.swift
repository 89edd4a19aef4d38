// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Espalier
import Foundation

/// A verification's report as a table.
package enum VerificationText {
  /// The lines.
  package static func lines(_ report: VerificationReport) -> [String] {
    [title(report), ""] + table(report) + [""] + streams(report) + details(report)
      + [batches(report)]
  }

  /// Where the streams part, and each layer's error, the worst first.
  private static func streams(_ report: VerificationReport) -> [String] {
    let isStreamed = report[.trajectory] == nil
    guard let streams = report.streams, isStreamed || report.parting != nil else { return [] }
    let rows = streams.map { stream in
      [
        stream.name, stream.layer == nil ? "" : stream.smallLayer.map { "of \($0)" } ?? "new",
        number(stream.afterAttention.map { MeasuredNumber($0) }),
        number(MeasuredNumber(stream.afterBlock)),
        number(stream.float64.map { MeasuredNumber($0) }),
        number(stream.rounding.map { MeasuredNumber($0) }),
      ]
    }
    let heads = ["residual stream", "", "attention", "feed-forward", "float64", "small's rounding"]
    return (report.parting.map { ["the streams part at \($0)", ""] } ?? [])
      + TextTable.lines([heads] + rows) + [""]
  }

  private static func title(_ report: VerificationReport) -> String {
    guard let operation = report.operation else {
      return "no growth.json says what was declared; this is what holds"
    }
    return operation.isEmpty ? "no growth" : operation
  }

  private static func table(_ report: VerificationReport) -> [String] {
    let heads = ["check", "guarantee", "declared", "float32", "float64", "bound", "verdict"]
    return TextTable.lines([heads] + report.checks.map(row))
  }

  private static func row(_ check: VerificationReport.Check) -> [String] {
    let bounds = [
      check.float32.flatMap { _ in check.float32Bound },
      check.float64.flatMap { _ in check.float64Bound },
    ].compactMap { $0 }.map(text)
    let bound = Set(bounds).count == 1 ? bounds[0] : bounds.joined(separator: ", ")
    return [
      check.check.rawValue, check.guarantee?.rawValue ?? "any growth",
      check.isDeclared.map { $0 ? "yes" : "no" } ?? "?", number(check.float32),
      number(check.float64), bound.isEmpty ? "–" : bound, verdict(check),
    ]
  }

  private static func number(_ measurement: MeasuredNumber?) -> String {
    guard let value = measurement?.value else { return "–" }
    if !value.isFinite { return Readable.fixed(value, decimals: 1) }
    return value == value.rounded() && abs(value) < 1e6
      ? String(Int(bounding: value)) : String(format: "%.1e", value)
  }

  private static func text(_ bound: VerificationBound) -> String {
    (bound.relation == .atMost ? "≤ " : "> ") + number(MeasuredNumber(bound.value))
  }

  private static func verdict(_ check: VerificationReport.Check) -> String {
    switch check.verdict {
    case .kept: "kept"
    case .broken: "BROKEN"
    case .undecided: "cannot be told"
    case .notDeclared:
      check.holds.map { $0 ? "holds" : "does not hold" } ?? "cannot be told"
    case .notMeasurable: check.reason ?? "not measured"
    }
  }

  /// Where the broken numbers are, the copies' distances, and what is dead.
  private static func details(_ report: VerificationReport) -> [String] {
    let broken = report.checks.filter { $0.verdict == .broken }.compactMap { check in
      (check.float32?.subject ?? check.float64?.subject).map {
        "\(check.check.rawValue) is worst at \($0)"
      }
    }
    let doubts = report.checks.compactMap { check -> String? in
      switch check.verdict {
      case .undecided: check.reason.map { "\(check.check.rawValue) cannot be told: \($0)" }
      case .kept:
        check.float32?.doubt.map { "\(check.check.rawValue) is told by float64 alone: \($0)" }
      default: nil
      }
    }
    let copies = report.copyDistances.map {
      "copies in \($0.space): mean distance \(number(MeasuredNumber($0.atGrowth))) at growth, "
        + "\(number(MeasuredNumber($0.afterTraining))) after \(Readable.exact(report.batches.symmetrySteps, of: "step"))"
    }
    let dead = report.deadParameters.prefix(10).map { "no gradient: \($0.description)" }
    return broken + doubts + copies + dead + remarks(report)
  }

  /// What the numbers do not show.
  private static func remarks(_ report: VerificationReport) -> [String] {
    var lines: [String] = []
    if let losses = report.losses {
      let (small, grown) = (
        Readable.fixed(losses.small, decimals: 6), Readable.fixed(losses.grown, decimals: 6)
      )
      lines.append("loss \(small) of the small model, \(grown) of the grown one")
    }
    if let own = report.smallRounding, own.raisesBound(in: report) {
      lines.append(
        String(
          format: "float32 carries the small model itself %.1e of the largest logit away from its "
            + "float64 results: bounds of float32 are %.0f times its own distances", own.logits,
          ModelRounding.tolerance))
    }
    if let limit = report.float32Limit, report[.trajectory] != nil {
      lines.append("float32 has logits, loss and residual only: \(limit)")
    } else if let limit = report.float32Limit {
      lines.append(limit)
    }
    if let rounding = report.rounding, let example = rounding.example {
      lines.append(
        "\(rounding.type.rawValue) rounds \(rounding.roundedTensorCount) grown tensors (\(example), …): "
          + (rounding.choosesExperts == true
            ? "tokens may go to other experts for that, so float32 is not judged"
            : "the files keep the function up to that" + Self.allowance(rounding)))
    }
    return lines
  }

  /// What that rounding does to the small model, where bounds follow it.
  private static func allowance(_ rounding: FileRounding) -> String {
    rounding.cost.map {
      String(
        format:
          "; it changes the small model's own logits by %.1e of the largest, and bounds of float32 "
          + "are %.0f times what it changes", $0.logits, FileRounding.tolerance)
    } ?? ""
  }

  private static func batches(_ report: VerificationReport) -> String {
    let batches = report.batches
    var line =
      "\(batches.count) \(batches.count == 1 ? "batch" : "batches") of "
      + "\(batches.sequenceCount) × \(batches.sequenceLength) tokens"
    if let sequences = batches.exactSequenceCount, let length = batches.exactSequenceLength {
      line += "; float64: \(sequences) × \(length)"
      if report[.trajectory] != nil, report[.trajectory]?.float64 == nil {
        line += ", logits and loss only"
      }
    } else {
      line += "; nothing in float64"
    }
    return line
  }
}

extension ModelRounding {
  /// Whether a number in float32 is judged by this rather than by the fixed bound.
  fileprivate func raisesBound(in report: VerificationReport) -> Bool {
    report.checks.contains { check in
      guard let bound = check.float32Bound, check.float32 != nil else { return false }
      let fixed = GuaranteeTolerances.bound(check.check, .float32, rounding: report.rounding)
      return bound != fixed
    }
  }
}
