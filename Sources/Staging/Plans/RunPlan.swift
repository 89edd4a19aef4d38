// SPDX-License-Identifier: Apache-2.0
import Planning

/// The stages of a run as they were settled when it began: `plan.json` in its directory.
///
/// A run that goes on takes its stages from here and never plans anew, so that it ends as a run that
/// nobody interrupted, whatever became of a plan's file or of the runs that a law was fitted to.
public struct RunPlan: Sendable, Hashable {
  /// Where stages come from.
  public enum Origin: String, Sendable, Hashable, CaseIterable, Codable {
    /// The recipe lists them.
    case recipe
    /// The planner searched them.
    case automatic
    /// Late depth expansion.
    case lateExpansion
    /// The recipe names a plan's file.
    case plan
  }

  /// Where the stages come from.
  public var origin: Origin
  /// The stages, the recipe's model last, with all that their growths leave to defaults spelled out: it
  /// holds for this run, whatever defaults become.
  public let stages: [StageRecipe]
  /// The plan that they follow; nil where none was made.
  public var plan: StagePlan?
  /// What to know of them.
  public var notes: [String]

  /// Puts a plan together.
  public init(
    origin: Origin, stages: [StageRecipe], plan: StagePlan? = nil, notes: [String] = []
  ) {
    self.origin = origin
    self.stages = stages.map(\.spelledOut)
    self.plan = plan
    self.notes = notes
  }
}
