// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// What a run came to: a line of a bed's `results.jsonl`.
public struct RunResult: Sendable, Hashable, Codable {
  /// The run's name.
  public var run: String
  /// Its arm.
  public var arm: String
  /// The peak of the learning rate.
  public var rate: Double
  /// The seed.
  public var seed: UInt64
  /// The digest of its recipe.
  public var digest: String
  /// The checksum of its tokens.
  public var text: String
  /// The engine.
  public var engine: String
  /// The loss on all held-out text at the end; nil for a training that broke down.
  public var loss: Double?
  /// Floating-point operations of training, all stages together, validations apart.
  public var flops: Double
  /// Tokens trained on.
  public var tokens: Int
  /// Each stage, in order.
  public var stages: [Stage]
  /// The validations on the way.
  public var validations: [Validation]

  /// A stage of a run.
  public struct Stage: Sendable, Hashable, Codable {
    /// What the model is, such as `4 × 64, 4 heads, feed-forward 256`.
    public var model: String
    /// The steps that it was trained for.
    public var steps: Int

    /// Makes a stage.
    ///
    /// - Parameter model: as logs or reports describe it, which use different words for the same numbers.
    public init(model: String, steps: Int) {
      self.model = Self.name(of: model)
      self.steps = steps
    }

    /// A model by its layers, width, heads and inner width, in whatever words they are told.
    static func name(of model: String) -> String {
      let numbers = model.split(separator: ",").compactMap { part in
        part.split(separator: " ").lazy.compactMap { Int($0) }.first
      }
      guard numbers.count >= 4 else { return model }
      return "\(numbers[0]) × \(numbers[1]), \(numbers[2]) heads, feed-forward \(numbers[3])"
    }
  }

  /// A validation.
  public struct Validation: Sendable, Hashable, Codable {
    /// The step.
    public var step: Int
    /// Floating-point operations of training so far.
    public var flops: Double
    /// The loss, in nats per token.
    public var loss: Double
    /// Whether the learning rate has not begun to fall.
    public var isUndecayed: Bool
    /// The stage, counted from 1.
    public var stage: Int

    /// Makes a validation.
    public init(step: Int, flops: Double, loss: Double, isUndecayed: Bool, stage: Int) {
      self.step = step
      self.flops = flops
      self.loss = loss
      self.isUndecayed = isUndecayed
      self.stage = stage
    }
  }

  /// Makes the result of a run.
  public init(
    of planned: PlannedRun, target: String, text: String, engine: String, loss: Double?,
    flops: Double, tokens: Int, stages: [Stage], validations: [Validation]
  ) {
    run = planned.name
    arm = planned.arm.name
    rate = planned.rate
    seed = planned.seed
    digest = planned.digest(target: target)
    self.text = text
    self.engine = engine
    self.loss = loss
    self.flops = flops
    self.tokens = tokens
    self.stages = stages
    self.validations = validations
  }
}

/// The results of a bed.
public struct ResultTable: Sendable {
  /// The results by their run's name.
  public private(set) var results: [String: RunResult] = [:]
  private let file: URL

  /// Reads a bed's results; none where there is no file yet.
  ///
  /// - Throws: ``BedError`` that names the line.
  public init(_ bed: Bed) throws {
    file = bed.results
    guard FileManager.default.fileExists(atPath: file.path) else { return }
    let text = try String(contentsOf: file, encoding: .utf8)
    for (index, line) in text.split(separator: "\n").enumerated() {
      do {
        let result = try JSONDecoder().decode(RunResult.self, from: Data(line.utf8))
        results[result.run] = result
      } catch {
        throw BedError("\(file.path): line \(index + 1) is no result: \(error)")
      }
    }
  }

  /// The result of a run as the bed is now; nil where there is none, or it was of another recipe.
  public func result(of run: PlannedRun, in bed: Bed) -> RunResult? {
    guard let result = results[run.name], result.digest == run.digest(target: bed.target) else {
      return nil
    }
    return result
  }

  /// Adds a result and writes the file, sorted by name.
  public mutating func add(_ result: RunResult) throws {
    results[result.run] = result
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let lines = try results.values.sorted { $0.run < $1.run }.map {
      String(decoding: try encoder.encode($0), as: UTF8.self) + "\n"
    }
    try Data(lines.joined().utf8).write(to: file, options: .atomic)
  }
}
