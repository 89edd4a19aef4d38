// SPDX-License-Identifier: Apache-2.0

/// The part of a page that tells what staged runs saved.
struct ComparisonSection {
  let comparison: RunComparison

  init(_ comparison: RunComparison) { self.comparison = comparison }

  func draw(_ main: inout Markup) {
    main.element("h2", text: "What was saved")
    if !comparison.differences.isEmpty {
      main.element("p", ["class": "bad"], text: "These runs are not comparable:")
      drawList(comparison.differences.map(\.message), &main)
    }
    main.element("div", ["class": "tiles"]) { tiles in
      tile(&tiles, "FLOPs saved at equal loss", comparison.computeSaving)
      tile(&tiles, "wall time saved at equal loss", comparison.secondsSaving)
      tile(&tiles, "loss at equal compute", comparison.lossExcess, isSigned: true)
    }
    main.element("p", ["class": "soft small"], text: place)
    drawValues(&main)
    drawList(comparison.notes, &main)
  }

  private var place: String {
    guard let loss = comparison.loss else {
      return "Each staged run is compared at its own last loss with the frontier of the runs from "
        + "scratch."
    }
    let compute = comparison.flops.map { "; losses at \(NumberStyle.power.text($0)) FLOPs" } ?? ""
    return "Costs are compared at a validation loss of \(NumberStyle.loss(loss))\(compute)."
  }

  private func tile(
    _ tiles: inout Markup, _ name: String, _ contrast: Contrast?, isSigned: Bool = false
  ) {
    tiles.element("div", ["class": "tile"]) { tile in
      let known = contrast.flatMap { $0.isTelling ? $0 : nil }
      tile.element("b", text: known.map { $0.text(isSigned: isSigned) } ?? "not known")
      tile.element("div", text: name)
      guard let contrast else { return }
      tile.element(
        "div", ["class": "soft small"], text: contrast.spreadText.replacing(" %", with: "\u{A0}%"))
    }
  }

  private func drawValues(_ main: inout Markup) {
    guard comparison.staged.count > 1 else { return }
    main.table(["staged run", "FLOPs saved", "wall time saved", "loss at equal compute"]) { rows in
      for run in comparison.staged {
        func text(_ contrast: Contrast?) -> String {
          contrast?.values.first { $0.name == run.name }?.text ?? "–"
        }
        rows.append(
          [
            .text(run.name), .number(text(comparison.computeSaving)),
            .number(text(comparison.secondsSaving)), .number(text(comparison.lossExcess)),
          ])
      }
    }
  }

  private func drawList(_ texts: [String], _ main: inout Markup) {
    guard !texts.isEmpty else { return }
    main.element("ul", ["class": "soft small"]) { list in
      for text in texts {
        list.element("li", text: text.prefix(1).uppercased() + text.dropFirst() + ".")
      }
    }
  }
}

extension Contrast.Bound {
  /// What stands before a value of this kind.
  public var prefix: String {
    switch self {
    case .exact: ""
    case .atLeast: "≥ "
    case .atMost: "≤ "
    }
  }
}

extension Contrast.Value {
  /// `≥ 21.6 %`.
  public var text: String { bound.prefix + NumberStyle.percent.text(value) }
}

extension Contrast {
  /// The mean: `21.6 %`, or with its sign `+1.2 %`.
  public func text(isSigned: Bool = false) -> String {
    let sign = isSigned && mean > 0 ? "+" : ""
    return bound.prefix + sign + NumberStyle.percent.text(mean)
  }

  /// Whether the mean says on which side of zero the true value lies; a bound from the other side
  /// leaves open whether anything was saved.
  public var isTelling: Bool {
    switch bound {
    case .exact: true
    case .atLeast: mean > 0
    case .atMost: mean < 0
    }
  }

  /// The interval and the extremes in words; of a bound that tells nothing, the bound.
  public var spreadText: String {
    let style = NumberStyle.percent
    guard isTelling else {
      return "\(bound == .atMost ? "at most" : "at least") \(style.text(mean))"
    }
    guard values.count > 1 || interval != nil else { return "one run" }
    let extremes = "\(style.text(lowest)) to \(style.text(highest)) over \(values.count) runs"
    guard let interval else { return extremes }
    let confidence = NumberStyle.plain.text(interval.confidence * 100)
    let ends = "\(style.text(interval.low)) to \(style.text(interval.high))"
    return "\(confidence) % interval \(ends)" + (values.count > 1 ? "; \(extremes)" : "")
  }
}
