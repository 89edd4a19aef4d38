// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Foundation
import Staging
import Synchronization
import Tensors
import Testing
import Text
import Training

/// What an engine is told of the next stage while the present one trains.
@Suite("The next stage ahead") struct StageAheadTests {
  /// The CPU engine, which notes what it was told to prepare and what was asked of it.
  struct NotingEngine: TrainingEngine {
    final class Notes: Sendable {
      let prepared = Mutex<[TrainingPreparation]>([])
      /// By the model's parameters: micro-batches in order, updates of the first step, scored batches.
      let seen = Mutex<[Int: Seen]>([:])
    }
    struct Seen {
      var batches: [TrainingPreparation.BatchExtents] = []
      var updates: [ParameterUpdate] = []
      var scored: Set<TrainingPreparation.BatchExtents> = []
    }
    let notes = Notes()
    private let engine = CPUTrainingEngine(threads: 1)

    var name: String { engine.name }
    var preparesAhead: Bool { true }
    func prepare(_ preparation: TrainingPreparation) {
      notes.prepared.withLock { $0.append(preparation) }
    }
    func makeSession(
      for program: Program, parameters: [ParameterState], precision: Precision
    ) throws -> any TrainingSession {
      NotingSession(
        try engine.makeSession(for: program, parameters: parameters, precision: precision),
        notes, program.parameterCount.total)
    }
    func makeLanguageModel(
      for program: Program, parameters: [HostTensor], precision: Precision
    ) throws -> any LanguageModel {
      try engine.makeLanguageModel(
        for: program, parameters: parameters, precision: precision)
    }
    func measurePeak(precision: Precision) throws -> Double { 1e9 }
  }

  final class NotingSession: TrainingSession {
    private let session: any TrainingSession
    private let notes: NotingEngine.Notes
    private let model: Int
    private var hasUpdated = false

    init(_ session: any TrainingSession, _ notes: NotingEngine.Notes, _ model: Int) {
      (self.session, self.notes, self.model) = (session, notes, model)
    }

    private func note(_ change: (inout NotingEngine.Seen) -> Void) {
      notes.seen.withLock { change(&$0[model, default: .init()]) }
    }

    func accumulateGradients(
      of batch: TokenBatch, normalizer: Int, dropoutKey: DropoutKey
    ) throws -> LossSum {
      if !hasUpdated {
        note {
          $0.batches.append(
            .init(sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength))
        }
      }
      return try session.accumulateGradients(
        of: batch, normalizer: normalizer, dropoutKey: dropoutKey)
    }
    func gradientSquaredNorm() throws -> Double { try session.gradientSquaredNorm() }
    func update(_ updates: [ParameterUpdate], clip: Double?) throws -> Double {
      if !hasUpdated { note { $0.updates = updates } }
      hasUpdated = true
      return try session.update(updates, clip: clip)
    }
    func discardGradients() throws { try session.discardGradients() }
    func loss(of batch: TokenBatch) throws -> LossSum {
      if !hasUpdated {
        note {
          $0.scored.insert(
            .init(sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength))
        }
      }
      return try session.loss(of: batch)
    }
    func gradients() throws -> [HostTensor] { try session.gradients() }
    func parameters() throws -> [ParameterState] { try session.parameters() }
  }

  /// Which optimizer updates a parameter, and how many rows of entries differ.
  private func rule(_ update: ParameterUpdate) -> String {
    switch update {
    case .adamW(let update): "AdamW \(update.byEntry?.table().lines.count ?? 0)"
    case .muon(let update): "Muon \(update.byEntry?.table().lines.count ?? 0)"
    }
  }

  @Test(
    "is what its first step asks of it",
    arguments: ["{width: 2, depth: 2}", StagedRunTests.newEntries])
  func foretold(growth: String) throws {
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(StagedRunTests.recipe(growth: growth)))
    let engine = NotingEngine()
    let recorder = EventRecorder()
    let summary = try run.train(engine: engine, observer: recorder.hear)
    #expect(summary.outcome == .finished)
    let prepared = engine.notes.prepared.withLock { $0 }
    #expect(prepared.count == 1)
    let preparation = try #require(prepared.first)
    let seen = try #require(
      engine.notes.seen.withLock { $0[preparation.program.parameterCount.total] })
    #expect(preparation.microBatches == seen.batches && !seen.batches.isEmpty)
    #expect(preparation.updates.map(rule) == seen.updates.map(rule))
    #expect(seen.updates.contains { $0.isAdamW })
    // The proof's batches; evaluations of the stage come later.
    #expect(seen.scored.isSubset(of: preparation.scored) && !seen.scored.isEmpty)
    let notes = recorder.all.compactMap { event -> String? in
      if case .note(let text) = event { text } else { nil }
    }
    #expect(notes.contains { $0.hasPrefix("The first step of the grown model came ") })
  }
}

extension ParameterUpdate {
  fileprivate var isAdamW: Bool { if case .adamW = self { true } else { false } }
}
