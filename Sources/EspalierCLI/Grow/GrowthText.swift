// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// A growth as people read it.
enum GrowthText {
  /// The plan: from what to what, what is kept, what it takes.
  static func plan(_ report: GrowthReport, of growth: ModelGrowth) -> [String] {
    let kind = report.training.map { "training checkpoint, step \($0.step)" } ?? "weights alone"
    var lines = ["Growing \(report.source) (\(kind))", row("by", report.operation)]
    lines += sizes(report.from.configuration, report.to.configuration)
    lines += costs(report)
    lines += report.preserves.map { row("kept", "\($0.rawValue): \($0.meaning)") }
    lines += report.doesNotPreserve.map {
      row("not promised", "\($0.guarantee.rawValue): \($0.reason)")
    }
    if let training = report.training { lines += schedule(training, growth) }
    lines += notes(report).map { row("note", $0) }
    if let tensors = report.tensors { lines += ["Tensors"] + tensors.map(line) }
    return lines
  }

  /// What other tools make of the grown model, and what its type makes of its numbers.
  static func notes(_ report: GrowthReport) -> [String] {
    [HuggingFaceConfiguration.warning(of: report.ownKeys)].compactMap { $0 } + report.notes
  }

  /// One line for each tensor: its name, shapes, type and what is done.
  private static func line(_ tensor: GrowthOutline.Tensor) -> String {
    func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
    let shapes =
      tensor.sourceShape.map { $0 == tensor.shape ? "" : text($0) + " → " } ?? ""
    let types =
      tensor.sourceType == tensor.type || tensor.sourceType == nil
      ? tensor.type : "\(tensor.sourceType ?? "") → \(tensor.type)"
    let source = tensor.source == tensor.name ? "" : tensor.source.map { " from \($0)" } ?? ""
    return
      "  \(tensor.name)\(source): \(shapes)\(text(tensor.shape)), \(types), \(tensor.operation)"
  }

  /// Where the model is, and what comes next.
  static func result(_ report: GrowthReport, source: String, output: String?) -> [String] {
    guard let written = report.output, let output else {
      return ["Nothing was written: this is a dry run."]
    }
    let target = ShellWord.quoted(output)
    let next =
      report.training == nil
      ? "espalier train recipe.yaml -o RUN --from \(target)"
      : "espalier train recipe.yaml -o RUN --continue-from \(target)"
    return [
      "Wrote \(output) (\(Readable.bytes(written.byteCount))) in \(Readable.time(written.seconds))",
      "Prove it:    espalier verify \(ShellWord.quoted(source)) \(target)",
      "Train on it: \(next)",
    ]
  }

  private static func row(_ name: String, _ value: String) -> String {
    "  \(name.padding(toLength: 13, withPad: " ", startingAt: 0)) \(value)"
  }

  private static func sizes(_ from: ModelConfiguration, _ to: ModelConfiguration) -> [String] {
    let fields: [(String, String, String)] = [
      ("layers", "\(from.layerCount)", "\(to.layerCount)"),
      ("hidden", "\(from.hiddenSize)", "\(to.hiddenSize)"),
      ("heads", heads(from), heads(to)),
      ("head size", "\(from.headSize)", "\(to.headSize)"),
      ("feed-forward", "\(from.intermediateSize)", "\(to.intermediateSize)"),
      ("experts", experts(from), experts(to)),
      ("vocabulary", "\(from.vocabularySize)", "\(to.vocabularySize)"),
      ("context", "\(from.contextLength)", "\(to.contextLength)"),
      ("norm ε", "\(from.normEpsilon)", "\(to.normEpsilon)"),
      ("logit scale", "\(from.logitScale)", "\(to.logitScale)"),
    ]
    let changed = fields.filter { $0.1 != $0.2 }.map { row($0.0, "\($0.1) → \($0.2)") }
    let names = from.family.name == to.family.name ? [] : [to.family.name]
    return [row("model", ([from.family.name] + names).joined(separator: " → "))] + changed
  }

  private static func experts(_ model: ModelConfiguration) -> String {
    model.traits.experts.map { "\($0.count) (\($0.perToken) to a token)" } ?? "none"
  }

  private static func heads(_ model: ModelConfiguration) -> String {
    model.keyValueHeadCount == model.headCount
      ? "\(model.headCount)" : "\(model.headCount) (\(model.keyValueHeadCount) for keys)"
  }

  private static func costs(_ report: GrowthReport) -> [String] {
    let (from, to) = (report.from, report.to)
    let parameters = Double(to.parameterCount) / Double(max(1, from.parameterCount))
    return [
      row(
        "parameters",
        "\(Readable.exact(from.parameterCount)) → \(Readable.exact(to.parameterCount)) "
          + "(× \(Readable.count((parameters * 100).rounded() / 100)))"),
      row(
        "FLOPs/token",
        "\(Readable.count(from.trainingFLOPsPerToken)) → "
          + "\(Readable.count(to.trainingFLOPsPerToken)) in training"),
      row("memory", "at most \(Readable.bytes(report.memoryByteCount))"),
      row(
        "files",
        "\(Readable.bytes(report.tensorByteCount)) in \(Readable.exact(report.files.count, of: "file"))"
      ),
    ]
      + (report.estimatedSeconds.map {
        [row("time", "about \(Readable.time($0)), where the disk keeps up")]
      } ?? [])
  }

  private static func schedule(_ training: GrowthReport.Training, _ growth: ModelGrowth) -> [String]
  {
    var text = "stays at step \(training.scheduleStepBefore) of the learning-rate schedule"
    if training.scheduleStepAfter != training.scheduleStepBefore {
      text =
        "from step \(training.scheduleStepBefore) to \(training.scheduleStepAfter) of the "
        + "learning-rate schedule"
    }
    if case .repositioned(let ratio, _) = growth.options.schedule, ratio != 1 {
      text += " (ratio \(Readable.count((ratio * 1000).rounded() / 1000)))"
    }
    if let rewarmup = training.rewarmup { text += ", the rate rising from 0 for \(rewarmup)" }
    return [
      row("schedule", text),
      row(
        "moments",
        training.moments == .mapped
          ? "mapped, with their step counts"
          : training.moments.rawValue),
    ] + (training.newEntryRate.map { [row("new entries", $0.text)] } ?? [])
  }
}

extension NewEntries.Rate {
  /// What it does, on half a line.
  var text: String {
    "\(Readable.count(factor)) times the learning rate, going to 1 over "
      + Readable.exact(steps, of: "step")
  }
}

extension Guarantee {
  /// What it means, on half a line.
  fileprivate var meaning: String {
    switch self {
    case .loss: "every logit stays what it was"
    case .moments: "the moments are what Adam would hold in the grown model"
    case .trajectory: "the next steps give the small model's losses, while no clip is active"
    case .symmetry: "no two units stay copies of each other"
    case .liveness: "every parameter learns"
    }
  }
}
