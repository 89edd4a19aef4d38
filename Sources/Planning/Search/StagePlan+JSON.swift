// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents
import Foundation
import Wording

extension StagePlan {
  /// More stages than any search proposes.
  private static let mostStages = 64
  /// Plans have some kilobytes.
  private static let largestFile = 16 << 20

  /// Reads the file of a plan that `espalier plan -o` wrote.
  ///
  /// - Throws: ``PlanningError`` of code `fileUnavailable` where there is no readable file, else as
  ///   ``init(json:name:)``.
  public init(reading file: URL) throws {
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: Self.largestFile) } catch {
      throw PlanningError(
        .fileUnavailable, "\(error.message); expected the plan that `espalier plan -o` writes",
        subject: path)
    }
    try self.init(json: data, name: path)
  }

  /// Reads a plan that `espalier plan -o` wrote.
  ///
  /// - Parameter name: the file, for messages.
  /// - Throws: ``PlanningError`` of code `invalidState` where it is none, has another version, or no
  ///   training could follow it.
  public init(json data: Data, name: String) throws {
    func invalid(_ message: String) -> PlanningError {
      PlanningError(.invalidState, message, subject: name)
    }
    let plan: StagePlan
    do {
      plan = try Document(parsing: data).decode()
    } catch {
      throw invalid("is not a plan (\(reason(of: error))); make one with `espalier plan -o`")
    }
    guard plan.version == Self.formatVersion else {
      throw invalid(
        "has format \(plan.version), and this version reads \(Self.formatVersion); make it anew")
    }
    guard plan.stages.count <= Self.mostStages else {
      throw invalid("has \(plan.stages.count) stages; expected at most \(Self.mostStages)")
    }
    for (index, stage) in plan.stages.enumerated() {
      do { try stage.model.validate() } catch {
        throw invalid("stage \(index + 1): \(reason(of: error))")
      }
      guard (1...1 << 48).contains(stage.steps) else {
        throw invalid("stage \(index + 1) has \(stage.steps) steps; expected at least 1")
      }
      guard (0...1 << 48).contains(stage.effectiveStart) else {
        throw invalid(
          "stage \(index + 1) begins at step \(stage.effectiveStart); expected 0 to 2^48")
      }
      if let ratio = stage.growth?.growthRatio, !(ratio.isFinite && ratio >= 1) {
        throw invalid(
          "stage \(index + 1): the growth ratio \(ratio) is not that of a larger model's speed; "
            + "expected 1 or more")
      }
      guard (stage.growth == nil) == (index == plan.stages.count - 1) else {
        throw invalid("stage \(index + 1): every stage but the last ends with a growth")
      }
    }
    guard !plan.stages.isEmpty else { throw invalid("has no stages; expected at least one") }
    guard PlanningError.tokensPerStep.contains(plan.tokensPerStep) else {
      throw invalid(
        "has \(plan.tokensPerStep) tokens a step; expected a positive number, at most 2^53")
    }
    self = plan
  }
}
