// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Foundation
import RunLogs
import Staging
import Synchronization
import Testing

/// Whether the log of a run that was killed at any moment is, once it has gone on, that of a run that
/// nobody disturbed: every event once and in order.
@Suite("Logs of killed runs")
struct ExactLogTests {
  /// Two growths; between the second and the third stage no step is taken where `skips`.
  private static func recipe(skips: Bool) -> String {
    """
    version: 1
    seed: 5
    model: {architecture: gpt2, layers: 2, hidden: 16, heads: 4, context: 8}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.05}}
    batch: {sequences: 4}
    schedule: {kind: cosine, peak: 1e-2, total: 9 steps}
    stop: {after: 8 steps}
    evaluate: {every: 2 steps, batches: 2}
    checkpoint: {every: 3 steps, keep: 3}
    stages:
      - model: {layers: 1, hidden: 8, heads: 2}
        until: {after: 4 steps}
        grow: {width: 2, schedule: keep}
      - until: {\(skips ? "share: 20%" : "after: 2 steps")}
        grow: {depth: 2, schedule: keep}
      - {}
    """
  }

  /// Keeps a copy of a run's directory as it was at each moment that the run tells of.
  private final class Camera: Sendable {
    private let run: URL
    private let copies: URL
    private let count = Mutex(0)

    init(_ place: Workplace) throws {
      run = place.run
      copies = place.url.appending(path: "moments", directoryHint: .isDirectory)
      try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: true)
    }

    func hear(_ event: TrainingRunEvent) {
      let number = count.withLock { count in
        count += 1
        return count
      }
      try? FileManager.default.copyItem(at: run, to: copies.appending(path: "\(number)"))
    }

    var moments: [URL] {
      (1...max(1, count.withLock { $0 })).map { copies.appending(path: "\($0)") }
    }
  }

  /// Everything that the log tells but for times and sessions.
  private func course(_ run: URL) throws -> [String] {
    try RunLogReader.records(path: RunDirectory(run).log.path).compactMap { record in
      switch record {
      case .step(let step): return "step \(step.step) \(step.loss.bitPattern)"
      case .evaluation(let evaluation):
        return "evaluation \(evaluation.step) \(evaluation.validationLoss.bitPattern)"
      case .event(let event) where event.event == .resumed: return nil
      case .event(let event):
        let details = event.details.filter { !$0.key.hasSuffix("Seconds") }
          .sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return "\(event.event.rawValue) \(event.step) \(details)"
      }
    }
  }

  /// Puts a moment in the run's place with a part of the whole run's log, and goes on.
  private func goOn(
    _ place: Workplace, from moment: URL, lines: ArraySlice<Substring>
  ) throws -> [String] {
    try? FileManager.default.removeItem(at: place.run)
    try FileManager.default.copyItem(at: moment, to: place.run)
    let text = lines.map { $0 + "\n" }.joined()
    try Data(text.utf8).write(to: RunDirectory(place.run).log)
    try TrainingRun.resume(place.run).trainForTest()
    return try course(place.run)
  }

  @Test("cut at every point, the log becomes that of the whole run", arguments: [false, true])
  func everyPoint(skips: Bool) throws {
    let place = try Workplace()
    let camera = try Camera(place)
    let file = try place.recipeFile(Self.recipe(skips: skips))
    let recorder = EventRecorder()
    _ = try TrainingRun.create(place.run, recipe: file).train(
      engine: CPUTrainingEngine(threads: 1),
      observer: {
        recorder.hear($0)
        camera.hear($0)
      })
    let whole = try course(place.run)
    let all = try lines(place.run)
    for name in ["stageEnded", "grown", "verified", "stageStarted"] {
      #expect(whole.count { $0.hasPrefix("\(name) ") } == 2, "\(name)")
    }
    for (index, moment) in camera.moments.enumerated() {
      let count =
        try FileManager.default.fileExists(atPath: RunDirectory(moment).log.path)
        ? lines(moment).count : 0
      // A line more may be in the file than the run came to tell of, or less than the state has.
      let next =
        index + 1 < camera.moments.count ? try lines(camera.moments[index + 1]).count : count
      for cut in max(0, count - 1)...max(count, next) where isPossible(cut, count, all) {
        let course = try goOn(place, from: moment, lines: all.prefix(cut))
        #expect(course == whole, "moment \(index + 1), \(cut) lines")
      }
    }
  }

  /// The log tells of what is on the disk only once it is there, and maybe not yet.
  private func isPossible(_ cut: Int, _ count: Int, _ all: [Substring]) -> Bool {
    func tellsOfFiles(_ line: Substring) -> Bool { line.contains("\"event\":\"checkpoint\"") }
    return cut < count ? tellsOfFiles(all[cut]) : !all[count..<cut].contains(where: tellsOfFiles)
  }

  private func lines(_ run: URL) throws -> [Substring] {
    let log = RunDirectory(run).log
    guard FileManager.default.fileExists(atPath: log.path) else { return [] }
    return try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
  }
}
