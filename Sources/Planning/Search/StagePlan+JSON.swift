// SPDX-License-Identifier: Apache-2.0
import Foundation

extension StagePlan {
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
      plan = try JSONDecoder().decode(StagePlan.self, from: data)
    } catch {
      throw invalid("is not a plan (\(error)); make one with `espalier plan -o`")
    }
    guard plan.version == Self.formatVersion else {
      throw invalid(
        "has format \(plan.version), and this version reads \(Self.formatVersion); make it anew")
    }
    for (index, stage) in plan.stages.enumerated() {
      do { try stage.model.validate() } catch { throw invalid("stage \(index + 1): \(error)") }
      guard (1...1 << 48).contains(stage.steps) else {
        throw invalid("stage \(index + 1) has \(stage.steps) steps; expected at least 1")
      }
      guard (stage.growth == nil) == (index == plan.stages.count - 1) else {
        throw invalid("stage \(index + 1): every stage but the last ends with a growth")
      }
    }
    guard !plan.stages.isEmpty else { throw invalid("has no stages; expected at least one") }
    self = plan
  }
}
