// SPDX-License-Identifier: Apache-2.0
import BenchmarkReports
import Espalier
import Foundation

/// How long an optimizer step of each model takes, measured alone: a bed's `times.json`.
public struct StepTimes: Sendable, Hashable, Codable {
  /// The processor.
  public var machine: String
  /// The engine.
  public var engine: String
  /// Seconds of a step, by the model.
  public var seconds: [String: Double]

  /// Reads a bed's times; nil where none were measured.
  public init?(_ bed: Bed) {
    guard let data = try? Data(contentsOf: Self.file(bed)),
      let times = try? JSONDecoder().decode(Self.self, from: data)
    else { return nil }
    self = times
  }

  private static func file(_ bed: Bed) -> URL { bed.folder.appending(path: "times.json") }

  /// The time that a run takes where it has the machine alone; nil where a model was not measured.
  func seconds(of run: RunResult) -> Double? {
    var sum = 0.0
    for stage in run.stages {
      guard let step = seconds[stage.model] else { return nil }
      sum += step * Double(stage.steps)
    }
    return sum
  }

  /// Measures the models that the bed's arms begin with, and writes the file.
  ///
  /// Every round takes each model in turn; a model's time is the median over all its steps but the first
  /// twenty of each round.
  ///
  /// - Parameters:
  ///   - steps: of each round.
  ///   - tell: hears of each measurement.
  public static func measure(
    _ bed: Bed, in folder: URL, rounds: Int = 3, steps: Int = 80,
    engine: @Sendable () -> any TrainingEngine, tell: (String) -> Void
  ) throws -> StepTimes {
    let beginnings = try beginnings(of: bed)
    var durations: [String: [Double]] = [:]
    for round in 1...rounds {
      for (model, arm) in beginnings {
        let times = try durationsOfSteps(bed, arm, folder, steps, engine())
        durations[model, default: []] += times
        tell("round \(round): \(model): \(String(format: "%.1f ms", median(times) * 1e3))")
      }
    }
    let result = StepTimes(
      machine: BenchmarkReports.machine(), engine: engine().name,
      seconds: durations.mapValues(median))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(result).write(to: file(bed), options: .atomic)
    return result
  }

  private init(machine: String, engine: String, seconds: [String: Double]) {
    self.machine = machine
    self.engine = engine
    self.seconds = seconds
  }

  /// The models that runs began with, each with an arm that does.
  private static func beginnings(of bed: Bed) throws -> [(model: String, arm: Bed.Arm)] {
    let table = try ResultTable(bed)
    var found: [(model: String, arm: Bed.Arm)] = []
    for arm in bed.arms {
      guard let result = table.results.values.first(where: { $0.arm == arm.name }),
        let model = result.stages.first?.model, !found.contains(where: { $0.model == model })
      else { continue }
      found.append((model, arm))
    }
    return found
  }

  private static func durationsOfSteps(
    _ bed: Bed, _ arm: Bed.Arm, _ folder: URL, _ steps: Int, _ engine: any TrainingEngine
  ) throws -> [Double] {
    let directory = folder.appending(path: "timing")
    try? FileManager.default.removeItem(at: directory)
    defer { try? FileManager.default.removeItem(at: directory) }
    let planned = PlannedRun(arm: arm, rate: arm.rates[0], seed: arm.seeds[0])
    let run = try TrainingRun.create(directory, recipe: planned.recipe(of: bed, in: folder))
    let counter = StepCounter(limit: steps)
    _ = try run.train(engine: engine, isInterrupted: { counter.isOver() })
    let reported = try ReportedRun(readingFrom: directory)
    let seconds = reported.course.steps.map(\.seconds)
    return zip(seconds, seconds.dropFirst()).map { $1 - $0 }.dropFirst(20).map { $0 }
  }
}

/// Ends a run after so many steps.
private final class StepCounter {
  private var left: Int
  init(limit: Int) { left = limit }
  func isOver() -> Bool {
    left -= 1
    return left < 0
  }
}
