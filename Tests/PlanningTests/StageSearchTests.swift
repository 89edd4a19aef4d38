// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Planning
import Testing

@Suite struct StageSearchTests {
  private func model(
    layers: Int = 12, hidden: Int = 768, heads: Int = 12, architecture: Architecture = .gpt2
  ) -> ModelConfiguration {
    ModelConfiguration(
      architecture: architecture, layerCount: layers, hiddenSize: hidden, headCount: heads,
      intermediateSize: 4 * hidden, vocabularySize: 1000, contextLength: 256,
      rotary: architecture == .llama ? RotaryEmbedding() : nil, tiesHead: true)
  }

  private func request(
    _ target: ModelConfiguration? = nil, goal: PlanGoal = .optimality,
    stages: ClosedRange<Int> = 1...3
  ) -> PlanRequest {
    PlanRequest(
      target: target ?? model(), tokensPerStep: 524_288, goal: goal, stageCounts: stages)
  }

  @Test func countsAreExact() throws {
    let plan = try StageSearch.plan(request(stages: 1...1))
    let stage = try #require(plan.stages.first)
    // 12 · 12 · 768² and the vectors: GPT-2's 84.9 M and norms' and biases' parameters.
    #expect(stage.parameterCount == 85_056_000)
    #expect(stage.flopsBySixN == 6 * 85_056_000 * 524_288 * Double(stage.steps))
    let exact = try model().floatingPointOperations(sequenceLength: 256).training
    #expect(stage.exactFLOPs == exact * 524_288 * Double(stage.steps))
    #expect(plan.saving.share == 0 && plan.saving.interval == nil)
    #expect(abs(plan.optimalitySlope + 0.0691) < 1e-4)
    #expect(plan.flops == plan.flopsBySixN)
  }

  /// The search against a fine grid over where to grow, for every smaller model.
  @Test(arguments: ComputeCount.allCases)
  func twoStagesAreTheBestOfAGrid(count: ComputeCount) throws {
    let target = model(layers: 4, hidden: 64, heads: 4)
    let goal = 4.95
    var request = request(target, goal: .loss(goal), stages: 1...2)
    request.computeCount = count
    let plan = try StageSearch.plan(request)
    let law = ScalingLaw.kaplan
    let large = try ModelCost(target, tokensPerStep: 524_288)
    let scratch = try #require(
      law.steps(parameters: Double(large.parameterCount), reaching: goal))
    var best = scratch * large.flopsPerStep(count)
    for source in IntegerGrowth().sources(of: target) {
      let small = try ModelCost(source, tokensPerStep: 524_288)
      let ratio = Double(large.parameterCount) / Double(small.parameterCount)
      guard request.sizeRatios.contains(ratio) else { continue }
      for step in 0..<4000 {
        let steps = pow(10, 1 + Double(step) / 800)
        let loss = law.loss(parameters: Double(small.parameterCount), steps: steps)
        guard loss > goal,
          let effective = law.steps(parameters: Double(large.parameterCount), reaching: loss)
        else { continue }
        let flops =
          steps * small.flopsPerStep(count) + (scratch - effective) * large.flopsPerStep(count)
        best = min(best, flops)
      }
    }
    #expect(plan.stages.count == 2)
    // Whole steps, and a grid, on either side.
    #expect(abs(plan.flops / best - 1) < 2e-3)
    #expect(plan.loss <= goal + 5e-4)
  }

  @Test func moreStagesSaveMoreAndAddUp() throws {
    var last = 0.0
    for count in 2...4 {
      let plan = try StageSearch.plan(request(stages: 1...count))
      #expect(plan.stages.count <= count)
      #expect(plan.saving.share > last - 1e-9)
      last = plan.saving.share
      // The bookkeeping of effective steps.
      var loss = Double.infinity
      for (index, stage) in plan.stages.enumerated() {
        let size = Double(stage.parameterCount)
        #expect(stage.loss < loss)
        loss = stage.loss
        let end = Double(stage.effectiveStart + stage.steps)
        #expect(abs(ScalingLaw.kaplan.loss(parameters: size, steps: end) - loss) < 1e-4)
        guard let growth = stage.growth else { continue }
        #expect(growth.targetStep == plan.stages[index + 1].effectiveStart)
        #expect(abs(growth.growthRatio / pow(growth.sizeRatio, 1 / 1.76) - 1) < 5e-3)
      }
      #expect(plan.stages.last?.growth == nil)
      #expect(plan.stages.last?.model == model())
    }
    // A growth to twice the parameters saves 9.8 percent, to eight times 14.7; three of them more.
    #expect(last > 0.147 && last < 0.35)
  }

  @Test func aTargetThatIsTooLargeForItsGoalIsSaid() throws {
    let note = "a smaller target reaches it with less compute"
    let plan = try StageSearch.plan(request(goal: .loss(5)))
    #expect(plan.notes.contains { $0.contains(note) })
    #expect(try !StageSearch.plan(request()).notes.contains { $0.contains(note) })
  }

  @Test func computeAsTheGoal() throws {
    let plan = try StageSearch.plan(request())
    let other = try StageSearch.plan(request(goal: .compute(plan.flops)))
    #expect(abs(other.loss - plan.loss) < 1e-3)
    #expect(abs(other.flops / plan.flops - 1) < 1e-3)
    let scratch = try StageSearch.plan(request(goal: .compute(plan.flops), stages: 1...1))
    #expect(other.loss < scratch.loss)
  }

  /// Random targets, laws and goals: every growth of every plan is one that the rule allows.
  @Test func nothingUnreachableIsProposed() throws {
    var random = GaussianStream(seed: 42)
    var grown = 0
    for _ in 0..<150 {
      let heads = 1 + Int(random.uniform() * 12)
      let target = model(
        layers: 1 + Int(random.uniform() * 24),
        hidden: heads * 2 * (4 + Int(random.uniform() * 30)),
        heads: heads, architecture: random.uniform() < 0.5 ? .gpt2 : .llama)
      var request = PlanRequest(
        target: target, tokensPerStep: 1e5,
        law: ScalingLaw(
          sizeExponent: 0.05 + 0.3 * random.uniform(), sizeScale: 1e9,
          stepExponent: 0.4 + random.uniform(), stepScale: 1e3,
          irreducibleLoss: random.uniform()),
        stageCounts: 1...4)
      let isFussy = random.uniform() < 0.5
      if isFussy { request.reachable = OddLayersNever() }
      let plan = try StageSearch.plan(request)
      for (from, to) in zip(plan.stages, plan.stages.dropFirst()) {
        grown += 1
        #expect(request.reachable.obstacle(from: from.model, to: to.model) == nil)
        #expect(IntegerGrowth().obstacle(from: from.model, to: to.model) == nil)
        #expect(to.model.hiddenSize % from.model.hiddenSize == 0)
        #expect(to.model.layerCount >= from.model.layerCount && from.model.layerCount >= 1)
        if isFussy { #expect(from.model.layerCount % 2 == 0) }
        try from.model.validate()
      }
      for expansion in plan.lateExpansion {
        #expect(request.reachable.obstacle(from: expansion.model, to: target) == nil)
      }
      #expect(plan.stages.last?.model == target)
      #expect(plan.saving.share >= -1e-9)
    }
    #expect(grown > 100)
  }

  /// A rule that forbids more than the default one.
  private struct OddLayersNever: ReachableConfigurations {
    func obstacle(from source: ModelConfiguration, to target: ModelConfiguration) -> String? {
      source.layerCount % 2 == 0
        ? IntegerGrowth().obstacle(from: source, to: target) : "an odd number of layers"
    }
    func sources(of target: ModelConfiguration) -> [ModelConfiguration] {
      IntegerGrowth().sources(of: target)
    }
    func description(
      from source: ModelConfiguration, to target: ModelConfiguration
    ) -> String { "" }
  }

  @Test func whatIntegerGrowthReaches() {
    let rule = IntegerGrowth()
    let target = model()
    #expect(rule.obstacle(from: model(layers: 0), to: target) == nil)
    #expect(rule.obstacle(from: model(layers: 1), to: target) == nil)
    #expect(rule.obstacle(from: model(hidden: 384, heads: 6), to: target) == nil)
    #expect(rule.obstacle(from: target, to: target) == "the models are the same")
    #expect(
      rule.obstacle(from: model(layers: 13), to: target)
        == "the small model's 13 layers exceed the large one's 12")
    #expect(rule.obstacle(from: model(hidden: 512, heads: 8), to: target)?.contains("768") == true)
    // Heads keep their size.
    #expect(rule.obstacle(from: model(hidden: 384, heads: 12), to: target) != nil)
    var other = model(layers: 6)
    other.vocabularySize = 999
    #expect(rule.obstacle(from: other, to: target) != nil)
    #expect(
      rule.description(from: model(layers: 6, hidden: 384, heads: 6), to: target)
        == "width × 2, depth 6 → 12")
    #expect(rule.sources(of: target).count == 6 * 12 - 1)
  }

  @Test func lateExpansionIsProposedWithoutALoss() throws {
    let plan = try StageSearch.plan(request())
    #expect(plan.lateExpansion.map(\.model.layerCount) == [1, 0])
    let one = plan.lateExpansion[0]
    #expect(one.smallSteps + one.targetSteps == plan.scratch.steps)
    #expect(abs(Double(one.smallSteps) / Double(plan.scratch.steps) - 0.8) < 1e-3)
    // 0.8 of the steps at a twelfth of the parameters: 0.8 · 11 / 12.
    #expect(abs(one.computeSavedAtEqualTokens - 0.733) < 0.001)
    #expect(plan.notes.contains { $0.contains("only a trial tells its loss") })
  }

  @Test func theSavingsIntervalIsTheFits() throws {
    let sizes = [1e6, 4e6, 2e7, 8e7]
    var random = GaussianStream(seed: 2)
    let steps = (0..<30).map { Int(100 * pow(1.2, Double($0))) }
    let noisy = NoisyCurves(pointNoise: 0.01)
    let curves = try sizes.map {
      try noisy.curve(parameters: $0, steps: steps, random: &random)
    }
    let fit = try LawFitter(draws: 100).fit(curves)
    let plan = try StageSearch.plan(
      PlanRequest(target: model(), tokensPerStep: 1e5, fit: fit, stageCounts: 1...2))
    let interval = try #require(plan.saving.interval)
    #expect(interval.low < plan.saving.share && plan.saving.share < interval.high)
    #expect(interval.high - interval.low > 0.001)
    #expect(plan.saving.confidence == 0.9)
    #expect(plan.lawSource.hasPrefix("a fit to"))
    #expect(!plan.notes.contains { $0.contains("tokens a step") })
    #expect(!plan.notes.contains { $0.contains("hardly determine") })
    var loose = PlanRequest(target: model(), tokensPerStep: 1e5, fit: fit)
    for index in loose.draws.indices where index % 2 == 0 { loose.draws[index].stepExponent = 0.2 }
    #expect(
      try StageSearch.plan(loose).notes.contains { $0.contains("hardly determine αS") })
    let otherBatch = try StageSearch.plan(
      PlanRequest(target: model(), tokensPerStep: 5e5, fit: fit, stageCounts: 1...2))
    #expect(otherBatch.notes.contains { $0.contains("fitted at 100000 tokens a step") })
    let smaller = try StageSearch.plan(
      PlanRequest(target: model(layers: 1, hidden: 64, heads: 1), tokensPerStep: 1e5, fit: fit))
    #expect(smaller.notes.contains { $0.contains("is stretched to") })
  }

  @Test func theFormatIsStable() throws {
    let plan = try StageSearch.plan(request())
    let data = try JSONEncoder().encode(plan)
    #expect(try JSONDecoder().decode(StagePlan.self, from: data) == plan)
    let object = try #require(
      try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(object["version"] as? Int == 1)
    #expect(object["computeCount"] as? String == "sixN")
    #expect(
      Set(object.keys) == [
        "version", "computeCount", "law", "lawSource", "tokensPerStep", "stages", "scratch",
        "saving", "optimalitySlope", "lateExpansion", "notes",
      ])
    let stages = try #require(object["stages"] as? [[String: Any]])
    #expect(
      Set(stages[0].keys) == [
        "model", "parameterCount", "steps", "effectiveStart", "loss", "tokens", "flopsBySixN",
        "exactFLOPs", "growth",
      ])
    let growth = try #require(stages[0]["growth"] as? [String: Any])
    #expect(
      Set(growth.keys) == [
        "operation", "sizeRatio", "growthRatio", "slopeThreshold", "targetStep",
      ])
  }

  @Test func aPlansFileIsCheckedWhenRead() throws {
    let plan = try StageSearch.plan(request())
    let text = String(decoding: try JSONEncoder().encode(plan), as: UTF8.self)
    #expect(try StagePlan(json: Data(text.utf8), name: "plan.json") == plan)
    for (old, new) in [
      ("\"version\":1", "\"version\":2"), ("\"hiddenSize\":768", "\"hiddenSize\":-768"),
      ("\"steps\":", "\"steps\":-"), ("\"stages\":", "\"Stages\":"), ("{", "["),
      ("\"effectiveStart\":", "\"effectiveStart\":-"),
      ("\"growthRatio\":", "\"growthRatio\":-"), ("\"growthRatio\":", "\"growthRatio\":0.5,\"x\":"),
      ("\"tokensPerStep\":", "\"tokensPerStep\":-"),
    ] {
      #expect(text.contains(old))
      let error = #expect(throws: PlanningError.self) {
        try StagePlan(json: Data(text.replacing(old, with: new).utf8), name: "plan.json")
      }
      #expect(error?.code == .invalidState)
      #expect(error?.subject.hasPrefix("plan.json") ?? false, "\(error?.description ?? "")")
    }
  }

  /// By the published law, growing to an optimally trained target of 4 times the size is best at two
  /// thirds of its steps, counted on the small model.
  @Test func noModelIsGrownLaterThanAllowed() throws {
    let free = try StageSearch.plan(request(stages: 1...2))
    let growth = try #require(free.stages.first?.growth)
    let moment = free.stages[0].effectiveStart + free.stages[0].steps
    var limited = request(stages: 1...2)
    limited.latestGrowthStep = Double(moment) * 0.99
    let early = try StageSearch.plan(limited)
    #expect(early != free)
    for stage in early.stages where stage.growth != nil {
      #expect(Double(stage.effectiveStart + stage.steps) <= Double(moment) * 0.99 + 1)
    }
    #expect(early.flops >= free.flops && growth.sizeRatio > 1)
    limited.latestGrowthStep = 10
    #expect(try StageSearch.plan(limited).stages.count == 1)
    limited.latestGrowthStep = 0
    #expect(throws: PlanningError.self) { try StageSearch.plan(limited) }
  }

  @Test func aPlansFileMustBeThere() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "espalier-plan-\(UUID().uuidString)", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "plan.json")
    for url in [file, folder] {
      let error = #expect(throws: PlanningError.self) { try StagePlan(reading: url) }
      #expect(error?.code == .fileUnavailable)
    }
    let plan = try StageSearch.plan(request())
    try JSONEncoder().encode(plan).write(to: file)
    #expect(try StagePlan(reading: file) == plan)
  }

  @Test func mistakesAreNamed() {
    func message(_ request: PlanRequest) -> String {
      do {
        _ = try StageSearch.plan(request)
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message(request(goal: .loss(1))).hasPrefix("loss: 1.0 nats; by the law a model of"))
    #expect(message(request(goal: .loss(.nan))).hasPrefix("loss: nan; expected a positive loss"))
    #expect(message(request(goal: .compute(1))).hasPrefix("stages: no schedule of 1 to 3 stages"))
    #expect(message(request(stages: 1...5)).hasPrefix("stages: 1 to 5; expected 1 to 4"))
    #expect(
      message(request(model(layers: 1, heads: 1), stages: 2...3))
        .hasPrefix("stages: no schedule of 2 to 3"))
    var bad = request()
    bad.tokensPerStep = 0
    #expect(message(bad).hasPrefix("tokensPerStep: 0.0; expected"))
  }
}
