// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Growth
import Tensors
import Testing
import Training

/// States of PyTorch's become training states, and come back.
@Suite("Optimizer states from and to PyTorch") struct TrainingImportTests {
  private func bytes(_ url: URL) throws -> Data { try Data(contentsOf: url) }

  /// A file's tensors by name, as bytes.
  private func tensors(_ url: URL) throws -> [String: Data] {
    let file = try SafetensorsFile(url)
    return try Dictionary(
      uniqueKeysWithValues: file.names.map { name in
        (name, try file.withBytes(of: name) { Data($0) })
      })
  }

  @Test("PyTorch's state comes back bit for bit", arguments: ExchangeGolden.all)
  func fromTorch(_ golden: ExchangeGolden) throws {
    let folder = TestFolder()
    try TrainingImport(of: golden.url, optimizer: golden.optimizer).write(to: folder["ours"])
    try CheckpointDirectory.verify(folder["ours"])
    let export = try ModelExport(
      of: GrowthSource(reading: folder["ours"]), optimizer: .torch)
    try export.write(to: folder["torch"])
    let file = folder["torch"].appending(path: TorchOptimizerFile.fileName)
    #expect(try tensors(file) == tensors(golden.optimizer))
    let weights = "model.safetensors"
    #expect(
      try Set(tensors(folder["torch"].appending(path: weights)).values)
        == Set(tensors(golden.url.appending(path: weights)).values))
    let model = try ModelDirectory(reading: golden.url).configuration.model
    let (one, other) = (
      try TorchOptimizerFile(reading: golden.optimizer, of: model),
      try TorchOptimizerFile(reading: file, of: model)
    )
    #expect(one.settings == other.settings)
    #expect(one.adamW.tokens == other.adamW.tokens && other.adamW.tokens == 48)
    func settings(_ adamW: TorchAdamW) -> [String: [Double]] {
      var result: [String: [Double]] = [:]
      for group in adamW.groups {
        for name in group.parameters {
          result[name] = [
            group.learningRate, group.beta1, group.beta2, group.epsilon, group.weightDecay,
          ]
        }
      }
      return result
    }
    #expect(settings(one.adamW) == settings(other.adamW))
  }

  @Test("every moment is where the parameter is", arguments: ExchangeGolden.all)
  func places(_ golden: ExchangeGolden) throws {
    let folder = TestFolder()
    try TrainingImport(of: golden.url, optimizer: golden.optimizer).write(to: folder["ours"])
    let state = try TrainingState(reading: folder["ours"])
    let specs = try state.status.model.program().parameters
    let file = try SafetensorsFile(golden.optimizer)
    for (spec, parameter) in zip(specs, state.parameters) {
      #expect(parameter.stepCount == 3)
      var (name, range) = (spec.name, 0..<spec.shape.elementCount)
      if let expert = spec.expert, let layer = spec.layer {
        let isDown = spec.role == .weight(.feedForwardDown)
        let isUp = spec.role == .weight(.feedForwardUp)
        name =
          "model.layers.\(layer).mlp.experts.\(isDown ? "down" : "gate_up")_proj"
        let number = isDown ? expert : 2 * expert + (isUp ? 1 : 0)
        range = number * range.count..<(number + 1) * range.count
      }
      name = name.replacing("block_sparse_moe.gate", with: "mlp.gate")
      for (key, moment) in [
        ("exp_avg", parameter.firstMoment), ("exp_avg_sq", parameter.secondMoment),
      ] {
        let expected = HostTensor(copying: try file.tensor(named: "\(key).\(name)")).floats
        #expect(moment?.floats == Array(expected[range]), "\(key) of \(spec.name)")
      }
    }
    let embedding = state.parameters[0]
    #expect(embedding.learningRateMultiplier == 0.5)
    #expect(abs(embedding.epsilonMultiplier - 10) < 1e-9)
    #expect(state.parameters[3].learningRateMultiplier == 1)
    #expect(state.status.training.optimizer.weightDecay == 0.1)
    #expect(state.status.training.optimizer.clip == 1)
    #expect(state.status.progress.tokens == 48)
    #expect(state.status.lineage.map(\.operation) == ["imported"])
  }

  @Test("our state comes back bit for bit, grown or not", arguments: ExchangeGolden.all)
  func fromOurs(_ golden: ExchangeGolden) throws {
    let folder = TestFolder()
    try TrainingImport(of: golden.url, optimizer: golden.optimizer).write(to: folder["ours"])
    try ModelGrowth(
      of: GrowthSource(reading: folder["ours"]),
      by: WidthGrowth(factor: 2).then(DepthGrowth(factor: 2))
    ).write(to: folder["grown"])
    for name in ["ours", "grown"] {
      try ModelExport(of: GrowthSource(reading: folder[name]), optimizer: .torch)
        .write(to: folder["torch"], .init(overwrites: true))
      let again = try TrainingImport(
        of: folder["torch"], optimizer: folder["torch"].appending(path: TorchOptimizerFile.fileName)
      )
      try again.write(to: folder["again"], .init(overwrites: true))
      let (one, other) = (
        try TrainingState(reading: folder[name]), try TrainingState(reading: folder["again"])
      )
      for (one, other) in zip(one.parameters, other.parameters) {
        #expect(one.value.data == other.value.data)
        #expect(one.firstMoment?.data == other.firstMoment?.data)
        #expect(one.secondMoment?.data == other.secondMoment?.data)
        #expect(one.stepCount == other.stepCount)
        #expect(one.learningRateMultiplier == other.learningRateMultiplier)
        #expect(one.epsilonMultiplier == other.epsilonMultiplier)
      }
      #expect(one.status.training.optimizer == other.status.training.optimizer)
      #expect(one.status.progress.steps == other.status.progress.steps)
      #expect(one.status.progress.tokens == other.status.progress.tokens)
    }
  }

  @Test("experts with counts of their own are no one tensor")
  func apartExperts() throws {
    let folder = TestFolder()
    let golden = ExchangeGolden(name: "mixtral")
    try TrainingImport(of: golden.url, optimizer: golden.optimizer).write(to: folder["ours"])
    var state = try TrainingState(reading: folder["ours"])
    let specs = try state.status.model.program().parameters
    let index = try #require(specs.firstIndex { $0.expert == 1 })
    state.parameters[index].stepCount = 2
    let changed = state
    try CheckpointDirectory.write(to: folder["apart"]) { try changed.write(to: $0, tokenizer: nil) }
    let source = try GrowthSource(reading: folder["apart"])
    let error = #expect(throws: TrainingError.self) {
      try ModelExport(of: source, optimizer: .torch)
    }
    #expect(error?.subject == "model.layers.0.mlp.experts.gate_up_proj")
    #expect(error?.message.contains("(3, 2)") == true)
    #expect(throws: Never.self) { try ModelExport(of: source).write(to: folder["weights"]) }
  }

  @Test("a recipe's training counts, and differences are told")
  func recipe() throws {
    let golden = ExchangeGolden(name: "gpt2")
    let training = TrainingConfiguration(
      batch: BatchConfiguration(sequences: 4, accumulate: 2),
      schedule: LearningRateSchedule(
        kind: .cosine, peak: 2e-3, warmup: .steps(2), total: .tokens(6400)),
      stop: StopConditions(after: .steps(100)))
    func status(_ change: (inout TrainingImport.Options) -> Void = { _ in }) throws
      -> (TrainingStatus, [String])
    {
      var options = TrainingImport.Options(training: training, order: .sequential)
      change(&options)
      let plan = try TrainingImport(of: golden.url, optimizer: golden.optimizer, options)
      return (plan.status, plan.notes)
    }
    let (kept, notes) = try status()
    #expect(kept.training == training && kept.cursor.order == .sequential)
    #expect(kept.progress.steps == 3 && kept.progress.tokens == 48)
    #expect(kept.progress.floatingPointOperations > 0)
    #expect(kept.position.warmupEnd?.steps == 2 && kept.position.warmupEnd?.tokens == 32)
    #expect(notes.count == 1 && notes[0].hasPrefix("learning rate of the next step: 0.001 in the"))
    let (later, _) = try status { ($0.step, $0.tokens) = (10, 640) }
    #expect(later.progress.steps == 10 && later.progress.tokens == 640)
    let (restarted, _) = try status { $0.restartsSchedule = true }
    #expect(restarted.progress.steps == 3 && restarted.position.offset.steps == -3)
    let error = #expect(throws: GrowthError.self) { try status { $0.step = 2 } }
    #expect(error?.message.contains("less than the 3 updates") == true)
    for wrong in [Int.min, -1, .max] {
      #expect(throws: GrowthError.self) { try status { $0.tokens = wrong } }
    }
    #expect(throws: GrowthError.self) { try status { $0.step = .max } }
  }

  @Test("without a recipe the file's own optimizer goes on; tokens are not made up")
  func alone() throws {
    let folder = TestFolder()
    let golden = ExchangeGolden(name: "gpt2")
    let file = folder.file("adamw.safetensors")
    try golden.changed(to: file, json: { $0.replacing(", \"tokens\": 48", with: "") })
    let plan = try TrainingImport(of: golden.url, optimizer: file)
    #expect(plan.status.progress.tokens == 0)
    #expect(plan.notes == ["tokens trained on are not known and stand at 0; --tokens states them"])
    #expect(plan.status.training.schedule.peak == 1e-3)
    #expect(plan.status.training.schedule.kind == .constant)
  }

  @Test("a parameter that was never updated has no state, and gets none")
  func withoutState() throws {
    let folder = TestFolder()
    let golden = ExchangeGolden(name: "gpt2")
    let name = "transformer.wpe.weight"
    let file = folder.file("adamw.safetensors")
    try golden.changed(to: file) {
      $0.hasSuffix(name) ? nil : $1
    } json: {
      $0.replacing("\"without_state\": []", with: "\"without_state\": [\"\(name)\"]")
    }
    try TrainingImport(of: golden.url, optimizer: file).write(to: folder["ours"])
    let state = try TrainingState(reading: folder["ours"])
    #expect(state.parameters[1].firstMoment == nil && state.parameters[1].stepCount == 0)
    #expect(state.parameters[0].firstMoment != nil)
    try ModelExport(of: GrowthSource(reading: folder["ours"]), optimizer: .torch)
      .write(to: folder["torch"])
    #expect(
      try tensors(folder["torch"].appending(path: TorchOptimizerFile.fileName)) == tensors(file))
  }
}
