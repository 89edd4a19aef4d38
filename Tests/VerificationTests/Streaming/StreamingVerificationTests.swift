// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Interpretation
import Tensors
import Testing
import Training
import Verification

@Suite("Streaming verification") struct StreamingVerificationTests {
  /// Every family, and each of its growths in a row.
  private func growth(_ model: ModelConfiguration) -> GrowthSequence {
    WidthGrowth(factor: 2).then(FeedForwardGrowth(to: 3 * model.intermediateSize))
      .then(DepthGrowth(factor: 2))
  }

  @Test("growths of every family keep logits, loss and streams", arguments: FamilyGolden.all)
  func families(_ golden: FamilyGolden) throws {
    let model = try golden.directory().configuration.model
    // Sixteen bits have a test of their own.
    let grown = try GrownDirectory(golden.name, growth(model), type: .float32)
    var last: VerificationProgress?
    let report = try grown.report {
      #expect($0.done >= last?.done ?? 0 && $0.done <= $0.total)
      last = $0
    }
    #expect(last?.done == last?.total)
    #expect(report.isSound)
    for check in [VerificationCheck.logits, .loss, .residual] {
      #expect(report[check]?.verdict == .kept, "\(String(describing: report[check]))")
      #expect(report[check]?.float32.map { $0.value > 0 } == true)
      #expect(try #require(report[check]?.float64).value < 1e-13)
    }
    #expect(try #require(report[.replay]?.float32).value < 1e-6)
    #expect(report.parting == nil)
    let reference = try ReferenceModel(
      program: grown.small().program, tensors: grown.small().values()
    )
    .loss(grown.batch).mean
    for loss in [report.losses?.small, report.losses?.grown] {
      #expect(try abs(#require(loss) - reference) < 1e-5 * reference)
    }
    let streams = try #require(report.streams)
    #expect(streams.count == 2 * model.layerCount + 1)
    #expect(streams.map(\.worst) == streams.map(\.worst).sorted(by: >))
    #expect(streams.compactMap(\.smallLayer).sorted() == Array(0..<model.layerCount))
    #expect(report[.residual]?.float32?.value == streams.first?.worst)
    #expect(report.checks.count == 4)
  }

  @Test("values that the growth does not make are found, and so is another seed's noise")
  func replay() throws {
    let grown = try GrownDirectory("qwen2", WidthGrowth(factor: 2))
    let other = try grown.report(seed: GrownDirectory.seed + 1)
    // Any noise keeps the function; the receipt says which it is.
    #expect(other[.logits]?.verdict == .kept)
    #expect(other[.replay]?.verdict == .broken)
    // Too little for any output to show.
    try grown.corrupt("model.layers.1.mlp.down_proj.weight", by: 1e-5)
    let report = try grown.report()
    #expect(report[.logits]?.holds == true)
    #expect(report[.replay]?.verdict == .broken)
    #expect(report[.replay]?.float32?.subject == "model.layers.1.mlp.down_proj.weight")
  }

  @Test("float64 takes what it may: all tokens, the first ones, none")
  func exactOperations() throws {
    let grown = try GrownDirectory("mixtral", DepthGrowth(factor: 2))
    let perToken = try [grown.small(), grown.grown()].reduce(0.0) {
      $0 + $1.program.floatingPointOperations(sequenceLength: 24).forward
    }
    let shapes = try [48, 30, 17, 0].map { perToken * $0 }.map { limit in
      let report = try grown.report(exactOperations: limit)
      #expect(report.isSound)
      #expect((report[.logits]?.float64 == nil) == (report.batches.exactSequenceCount == nil))
      #expect((report.smallRounding == nil) == (limit == 0))
      #expect((report[.replay] == nil) == (limit == 0))
      return [report.batches.exactSequenceCount, report.batches.exactSequenceLength]
    }
    #expect(shapes.first == [2, 24] && shapes.last == [nil, nil])
    let sizes = shapes.map { ($0[0] ?? 0) * ($0[1] ?? 0) }
    #expect(sizes == [48, 24, 16, 0])
  }

  @Test("a bound follows the model's own rounding where that is larger, and nothing else")
  func modelRounding() throws {
    func bound(_ own: ModelRounding?, _ check: VerificationCheck, _ way: MeasuredArithmetic)
      -> Double?
    {
      GuaranteeTolerances.bound(check, way, rounding: nil, modelRounding: own)?.value
    }
    let own = ModelRounding(logits: 1e-5, loss: 1e-9, residual: .nan)
    #expect(bound(own, .logits, .float32) == ModelRounding.tolerance * 1e-5)
    #expect(bound(own, .logits, .float64OfFiles) == ModelRounding.tolerance * 1e-5)
    #expect(bound(own, .logits, .float64) == 1e-12)
    #expect(bound(own, .loss, .float32) == 1e-6)
    #expect(bound(own, .residual, .float32) == 1e-5)
    #expect(bound(own, .replay, .float32) == 1e-6)
    #expect(bound(nil, .logits, .float32) == 1e-5)
  }

  @Test(
    "rows that are grown in float64 are those of growing in memory", arguments: ["phi3", "gemma"])
  func grownRows(_ name: String) throws {
    let grown = try GrownDirectory(name, WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)))
    let small = try grown.small()
    let path = try grown.path(grown.plans, seed: 9)
    let values = try small.values().map { $0.floats.map(Double.init) }
    let expected = try path.grown(values: values)
    let parameters = try grown.grown().program.parameters
    let rows = try GrownRows(of: small, by: path, types: parameters.map { _ in .float32 })
    for (index, parameter) in parameters.enumerated() {
      let width = parameter.shape.extents.last ?? 1
      let count = parameter.shape.elementCount / width
      var made = [Double](repeating: .nan, count: parameter.shape.elementCount)
      try made.withUnsafeMutableBufferPointer { buffer in
        let base = try #require(buffer.baseAddress)
        // Out of order, and of different lengths.
        for range in [count / 2..<count, 0..<count / 2] {
          try rows.fill(range, of: index, into: base + range.lowerBound * width)
        }
      }
      #expect(made == expected[index], "\(parameter.name)")
    }
  }

  @Test(
    "the place where the streams part is named",
    arguments: [
      ("gpt_neox", "gpt_neox.layers.2.attention.dense.weight", "layer 2, attention"),
      ("gpt_neox", "gpt_neox.layers.1.mlp.dense_4h_to_h.bias", "layer 1, feed-forward"),
      (
        "mixtral", "model.layers.2.block_sparse_moe.experts.1.w2.weight", "layer 2, feed-forward"
      ),
      ("gemma", "model.layers.3.self_attn.o_proj.weight", "layer 3, attention"),
      ("llama", "model.layers.2.mlp.gate_proj.weight", "layer 2, feed-forward"),
    ])
  func corruption(_ name: String, _ tensor: String, _ place: String) throws {
    let grown = try GrownDirectory(
      name, WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)), type: .float32)
    #expect(try grown.report().isSound)
    try grown.corrupt(tensor)
    let report = try grown.report()
    #expect(!report.isSound)
    #expect(report[.residual]?.verdict == .broken)
    #expect(report.parting == place)
  }

  @Test("a broken last norm shows in the logits and in no stream")
  func brokenHead() throws {
    let grown = try GrownDirectory("mistral", WidthGrowth(factor: 2))
    try grown.corrupt("model.norm.weight")
    let report = try grown.report()
    #expect(report.parting == nil)
    #expect(report[.residual]?.verdict == .kept)
    #expect(report[.logits]?.verdict == .broken)
  }

  @Test("without a receipt: logits and loss")
  func foreign() throws {
    let grown = try GrownDirectory("qwen3", DepthGrowth(factor: 2))
    let report = try grown.report(plans: .some(nil))
    #expect(report.streams == nil)
    #expect(report[.logits]?.verdict == .notDeclared)
    #expect(report[.logits]?.holds == true)
    #expect(report[.residual]?.verdict == .notMeasurable)
    #expect(report[.residual]?.reason != nil)
  }

  @Test("stacked blocks are compared as far as they are the small model's in order")
  func stacked() throws {
    let grown = try GrownDirectory("llama", DepthGrowth(sources: [0, 1, 0, 1], block: .copy))
    let report = try grown.report()
    #expect(report.isSound)
    #expect(report[.logits]?.verdict == .notDeclared)
    #expect(report[.logits]?.holds == false)
    #expect(report.streams?.compactMap(\.layer).sorted() == [0, 1])
    #expect(report[.residual]?.holds == true)
  }

  @Test("new tokens: the old ones' logits stay, and the loss is not the same")
  func vocabulary() throws {
    let grown = try GrownDirectory("olmo", VocabularyGrowth(to: 103))
    let report = try grown.report()
    #expect(report[.logits]?.holds == true)
    #expect(report[.loss]?.holds == false)
    #expect(report[.residual]?.holds == true)
    #expect(report.isSound)
  }

  @Test("streams under layer norms hold the mean in new units")
  func meanUnits() throws {
    let model = try FamilyGolden(name: "gpt_neox").directory().configuration.model
    let growth = ResidualGrowth(to: model.hiddenSize + 8).then(DepthGrowth(factor: 2))
    let report = try GrownDirectory("gpt_neox", growth).report()
    #expect(report[.residual]?.verdict == .kept)
    #expect(report[.logits]?.verdict == .kept)
  }

  @Test("a dense model's experts")
  func experts() throws {
    let growth = ExpertGrowth(count: 4, perToken: 2, parts: 2).then(WidthGrowth(factor: 2))
    let report = try GrownDirectory("llama", growth).report()
    #expect(report[.residual]?.verdict == .kept)
    #expect(report[.logits]?.verdict == .kept)
  }

  @Test("bfloat16: exact where all factors are powers of two")
  func exactSixteenBits() throws {
    for growth in [
      GrowthSequence([WidthGrowth(factor: 2, form: .divided, symmetry: .kept)]),
      GrowthSequence([DepthGrowth(factor: 2)]), GrowthSequence([WidthGrowth(factor: 2)]),
      GrowthSequence([WidthGrowth(factor: 4)]),
      WidthGrowth(factor: 2, symmetry: .noise(signalToNoise: 10)).then(WidthGrowth(factor: 2)),
    ] {
      let report = try GrownDirectory("mistral-bfloat16", growth).report()
      let rounding = try #require(report.rounding)
      #expect(rounding.type == .bfloat16)
      #expect(rounding.isExact)
      #expect(report[.logits]?.verdict == .kept)
      #expect(try #require(report[.logits]?.float32Bound).value < 1e-4)
      #expect(report[.replay]?.verdict == .kept)
    }
  }

  @Test("bfloat16: what is rounded is told, and bounded by the rounding")
  func roundedSixteenBits() throws {
    for growth in [
      GrowthSequence([WidthGrowth(factor: 3, form: .divided)]),
      WidthGrowth(factor: 3, form: .divided).then(WidthGrowth(factor: 2)),
      GrowthSequence([ResidualGrowth(to: 40)]),
    ] {
      let grown = try GrownDirectory("mistral-bfloat16", growth)
      let report = try grown.report()
      let rounding = try #require(report.rounding)
      #expect(!rounding.isExact)
      #expect(rounding.example != nil)
      let cost = try #require(rounding.cost).logits
      #expect(report[.logits]?.float32Bound?.value == FileRounding.tolerance * cost)
      #expect(report.isSound, "\(report.checks)")
      // The bound is no licence: it is near to what rounding does.
      let error = try #require(report[.logits]?.float32?.value)
      #expect(error > 1e-5 && error > cost / 100, "\(error), \(cost)")
      try grown.corrupt("model.layers.1.self_attn.o_proj.weight", by: 16)
      #expect(try !grown.report().isSound)
    }
  }

  @Test(
    "16 bits: rounding is no mistake on any tokens, and a mistake is one on all",
    arguments: [("phi3", 12, DType.float16), ("phi3", 18, .float16), ("gemma", 16, .bfloat16)])
  func roundingOnManyTokens(_ name: String, _ headSize: Int, _ type: DType) throws {
    let grown = try GrownDirectory(name, HeadSizeGrowth(to: headSize), type: type)
    for seed in 1...12 {
      let report = try grown.report(tokenSeed: UInt64(seed))
      #expect(report.isSound, "\(seed)")
      for check in [VerificationCheck.logits, .loss, .residual] {
        let number = try #require(report[check]?.float32?.value)
        let cost = try #require(report.rounding?.cost?.own(check))
        #expect(number < 2.5 * cost, "\(seed): \(check)")
      }
    }
    let spec = try #require(
      try grown.grown().program.parameters.last { $0.role == .weight(.attentionOutput) })
    try grown.corrupt(spec.name, by: 4)
    for seed in 1...12 {
      let report = try grown.report(tokenSeed: UInt64(seed))
      #expect(report[.logits]?.verdict == .broken, "\(seed)")
      #expect(report[.residual]?.verdict == .broken, "\(seed)")
    }
  }

  @Test("models and plans that do not belong together")
  func mismatches() throws {
    let grown = try GrownDirectory("llama", WidthGrowth(factor: 2))
    let other = try WidthGrowth(factor: 3).plans(from: try grown.small().configuration.model)
    #expect(throws: VerificationError.self) { try grown.report(plans: other) }
    #expect(throws: GrowthError.self) { try grown.report(plans: grown.plans + other) }
    var swapped = StreamingVerification(
      small: try grown.grown(), grown: try grown.small(), path: nil, batch: try grown.batch)
    #expect(try swapped.report().checks.count == 3)
    #expect(try swapped.report().float64Arithmetic == .float64OfFiles)
    swapped.batch.targets = swapped.batch.targets.map { _ in -1 }
    #expect(throws: VerificationError.self) { try swapped.report() }
  }

  @Test("rounding that may send tokens to other experts is not called a mistake")
  func roundedExperts() throws {
    let report = try GrownDirectory("mixtral", WidthGrowth(factor: 2), type: .bfloat16).report()
    #expect(report.rounding?.isExact == false && report.rounding?.choosesExperts == true)
    for check in [VerificationCheck.logits, .loss, .residual] {
      #expect(report[check]?.float32Bound == nil && report[check]?.float64 != nil, "\(check)")
      #expect(report[check]?.verdict == .kept, "\(check)")
    }
    // Of a growth that is exact in the file's type everything is judged.
    let exact = try GrownDirectory("mistral-bfloat16", DepthGrowth(factor: 2)).report()
    #expect(exact[.logits]?.float32Bound != nil && exact.rounding?.choosesExperts == nil)
  }
}

extension ModelRounding {
  /// What was measured for a check of the function.
  fileprivate func own(_ check: VerificationCheck) -> Double? {
    switch check {
    case .logits: logits
    case .loss: loss
    case .residual: residual
    default: nil
    }
  }
}
