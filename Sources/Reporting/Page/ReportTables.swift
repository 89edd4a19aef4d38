// SPDX-License-Identifier: Apache-2.0
import RunLogs

/// The tables and lists of a page.
struct ReportTables {
  let runs: [ReportedRun]
  let charts: RunCharts

  init(_ charts: RunCharts) {
    self.charts = charts
    runs = charts.runs
  }

  func drawSummary(_ main: inout Markup) {
    main.element("h2", text: runs.count == 1 ? "Run" : "Runs")
    main.table(
      [
        "run", "steps", "tokens", "FLOPs", "wall time", "validation loss",
        "slope at end", "learning rate", "state",
      ]
    ) { rows in
      for (index, run) in runs.enumerated() {
        rows.append(summary(run, colour: charts.colour(of: index)))
      }
    }
    drawEvaluationCost(&main)
    for (model, names) in models {
      let counts =
        "\(NumberStyle.count.text(Double(model.parameterCount))) parameters, "
        + "\(NumberStyle.count.text(Double(model.parameterCountWithoutEmbeddings))) without embeddings"
      let prefix = models.count > 1 ? "\(names.joined(separator: ", ")): " : ""
      main.element(
        "p", ["class": "soft small"], text: "\(prefix)\(model.description); \(counts).")
    }
    drawEngines(&main)
    let machines = Set(runs.compactMap(\.machine)).sorted()
    guard !machines.isEmpty else { return }
    main.element(
      "p", ["class": "soft small"], text: "Measured on \(machines.joined(separator: "; ")).")
  }

  /// What computed, as far as the logs say.
  private func drawEngines(_ main: inout Markup) {
    for run in runs where !run.course.engines.isEmpty {
      let prefix = runs.count > 1 ? "\(run.name): computed" : "Computed"
      main.element(
        "p", ["class": "soft small"], text: "\(prefix) by \(EngineUse.text(run.course.engines)).")
    }
  }

  /// Where a log contradicts itself or its run, before anything that is drawn from it.
  func drawLogProblems(_ main: inout Markup) {
    for run in runs where !run.logProblems.isEmpty {
      main.element(
        "p", ["class": "bad"], text: "The log of \(run.name) cannot be believed:")
      main.element("ul") { list in
        for problem in run.logProblems { list.element("li", text: problem) }
      }
    }
    for run in runs {
      guard let lost = LostSteps.text(run.course.lostSteps) else { continue }
      main.element(
        "p", ["class": "bad"], text: "The log of \(run.name) has lost \(lost), as it says itself.")
    }
  }

  /// What validations took, which the runs' operations leave out.
  private func drawEvaluationCost(_ main: inout Markup) {
    let known = runs.filter { $0.course.evaluationCost != nil }
    guard !known.isEmpty else { return }
    main.table(["validations of", "FLOPs, beside those of training", "wall time, of the run's"]) {
      rows in
      for run in known {
        guard let cost = run.course.evaluationCost else { continue }
        rows.append([
          .text(run.name), .number(NumberStyle.power.text(cost.evaluationFlops ?? 0)),
          .number(NumberStyle.seconds.text(cost.evaluationSeconds ?? 0)),
        ])
      }
    }
  }

  /// The different models, with the names of the runs that end with each.
  private var models: [(model: ReportedRun.Model, names: [String])] {
    var models: [(model: ReportedRun.Model, names: [String])] = []
    for run in runs {
      guard let model = run.model else { continue }
      if let index = models.firstIndex(where: { $0.model == model }) {
        models[index].names.append(run.name)
      } else {
        models.append((model, [run.name]))
      }
    }
    return models
  }

  private func summary(_ run: ReportedRun, colour: Int) -> [Markup.Cell] {
    let last = run.course.steps.last
    let slope = charts.slopes(run).last { $0.y.isFinite }?.y
    return [
      .swatch(run.name, colour),
      .number(last.map { String($0.step) } ?? "0"),
      .number(last.map { NumberStyle.count.text(Double($0.tokens)) } ?? "0"),
      .number(last.map { NumberStyle.power.text($0.flops) } ?? "0"),
      .number(last.map { NumberStyle.seconds.text($0.seconds) } ?? "0s"),
      .number(run.lastEvaluation.map { NumberStyle.loss($0.validationLoss) } ?? "–"),
      .number(slope.map { NumberStyle.plain.text(($0 * 1000).rounded() / 1000) } ?? "–"),
      .text(run.decay.description), .text(run.course.events.last?.event.rawValue ?? "–"),
    ]
  }

  func drawStages(_ main: inout Markup) {
    let staged = runs.filter(\.isStaged)
    guard !staged.isEmpty else { return }
    main.element("h2", text: "Stages")
    for run in staged {
      if runs.count > 1 { main.element("h3", text: run.name) }
      main.table(
        ["stage", "model", "until step", "steps", "tokens", "FLOPs", "wall time", "last loss"]
      ) { rows in
        for stage in RunStage.stages(of: run) { rows.append(cells(stage)) }
      }
      drawGrowths(run, &main)
    }
  }

  private func cells(_ stage: RunStage) -> [Markup.Cell] {
    [
      .number(String(stage.number)), .text(stage.model ?? "–"), .number(String(stage.end.steps)),
      .number(String(stage.end.steps &- stage.start.steps)),
      .number(NumberStyle.count.text(Double(stage.end.tokens) - Double(stage.start.tokens))),
      .number(NumberStyle.power.text(stage.end.flops - stage.start.flops)),
      .number(NumberStyle.seconds.text(stage.end.seconds - stage.start.seconds)),
      .number(stage.lastLoss.map { NumberStyle.loss($0) } ?? "–"),
    ]
  }

  /// Details that stand in the charts, the stages or the verification already.
  private static let shownElsewhere: Set = [
    "label", "source", "target", "lossBefore", "lossAfter", "holds",
  ]

  private func drawGrowths(_ run: ReportedRun, _ main: inout Markup) {
    let details = run.course.growths.flatMap { event in
      event.details.filter { !Self.shownElsewhere.contains($0.key) }
        .sorted { $0.key < $1.key }.map { (step: event.step, name: $0.key, value: $0.value) }
    }
    guard !details.isEmpty else { return }
    main.table(["growth at step", "what", "value"]) { rows in
      for detail in details {
        rows.append(
          [.number(String(detail.step)), .text(detail.name), .text(detail.value.text)])
      }
    }
  }

  func drawTroubles(_ main: inout Markup) {
    let troubled = runs.filter { !$0.course.troubles.isEmpty }
    guard !troubled.isEmpty else { return }
    main.element("h2", text: "Trouble on the way")
    main.table(["run", "at step", "what", "then"]) { rows in
      for run in troubled {
        for event in run.course.troubles {
          rows.append(
            [
              .text(run.name), .number(String(event.step)), .text(event.trouble),
              .text(Self.remedy(event)),
            ])
        }
      }
    }
  }

  /// What the run did about trouble.
  private static func remedy(_ event: EventRecord) -> String {
    switch event.event {
    case .batchSkipped: "the batch was left out"
    case .rolledBack: "went back to step \(event.step), and left out the batches since"
    default: "stopped"
    }
  }

  func drawVerification(_ main: inout Markup) {
    let checked = runs.map { ($0, MeasuredPromise.all(in: $0.course)) }.filter { !$0.1.isEmpty }
    guard !checked.isEmpty else { return }
    main.element("h2", text: "Verification of growth")
    main.table(["run", "step", "guarantee", "measured", "allowed", "holds"]) { rows in
      for (run, checks) in checked {
        for check in checks {
          let verdict: Markup.Cell =
            switch check.holds {
            case true?: .text("yes", class: "good")
            case false?: .text("NO", class: "bad")
            case nil: .text("–")
            }
          rows.append(
            [
              .text(run.name), .number(String(check.step)), .text(check.guarantee),
              .number(check.measured), .number(check.allowed ?? "–"), verdict,
            ])
        }
      }
    }
  }

  func drawLineage(_ main: inout Markup) {
    let shown = runs.filter { !$0.lineage.isEmpty || !$0.checkpoints.isEmpty }
    guard !shown.isEmpty else { return }
    main.element("h2", text: "Lineage and checkpoints")
    main.element("div", ["class": "grid"]) { grid in
      for run in shown {
        grid.element("div", ["class": "card"]) { card in
          card.element("h3", text: run.name)
          card.element("ol", ["class": "lineage"]) { list in
            for item in run.lineage { draw(item, &list) }
            for item in run.checkpoints { draw(item, &list) }
          }
        }
      }
    }
  }

  private func draw(_ ancestor: ReportedRun.Ancestor, _ list: inout Markup) {
    list.element("li") { item in
      item.element("b", text: ancestor.operation)
      item.text(" at step \(ancestor.step)")
      if let source = ancestor.source {
        item.text(" from ")
        item.element("code", text: source)
      }
      if let hash = ancestor.hash {
        item.element("span", ["class": "soft small"], text: " SHA-256 \(hash.prefix(12))…")
      }
    }
  }

  private func draw(_ checkpoint: ReportedRun.Checkpoint, _ list: inout Markup) {
    list.element("li", ["class": "saved"]) { item in
      item.element("code", text: checkpoint.name)
      if !checkpoint.problems.isEmpty {
        item.element(
          "span", ["class": "bad"],
          text: " damaged: \(checkpoint.problems.joined(separator: "; "))")
      }
    }
  }

  func drawRecipes(_ main: inout Markup) {
    let shown = runs.filter { !$0.recipe.isEmpty || !$0.settings.isEmpty }
    guard !shown.isEmpty else { return }
    main.element("h2", text: shown.count == 1 ? "Recipe" : "Recipes")
    for run in shown {
      if !run.settings.isEmpty, runs.count == 1 {
        main.table(["setting", "value"]) { rows in
          for setting in run.settings { rows.append([.text(setting.name), .text(setting.value)]) }
        }
      }
      main.raw(runs.count == 1 ? "<details open>" : "<details>")
      main.element("summary", text: run.path.map { "\(run.name): \($0)" } ?? run.name)
      let overrides = run.overrides.map { "# set over the recipe: \($0)\n" }.joined()
      main.element("pre", text: overrides + run.recipe)
      main.raw("</details>")
    }
  }
}

extension LogValue {
  /// The value as people read it.
  var text: String {
    switch self {
    case .text(let text): text
    case .integer(let count): String(count)
    case .number(let number): NumberStyle.plain.text(number)
    case .flag(let flag): flag ? "yes" : "no"
    }
  }
}
