// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Training

/// How a recipe's stages are found where it does not list them; settled once, when a run begins.
public enum StagePlanning: Sendable, Hashable {
  /// The planner searches the stages of least compute.
  case automatic(AutomaticStages)
  /// Few layers for most of the run, then all of them.
  case lateExpansion(LateExpansionRecipe)
  /// The stages of a plan's file, as `espalier plan -o` writes it.
  case plan(URL)
}

/// What the planner is to search for a recipe's model.
public struct AutomaticStages: Sendable, Hashable {
  /// The law to plan by.
  public enum Law: Sendable, Hashable {
    /// The published one.
    case kaplan
    /// One that is fitted to the validations of runs, without those before a step and with an
    /// irreducible loss or none.
    case fit([URL], firstStep: Int, irreducible: Bool)
  }

  /// What the stages are to reach with the least compute.
  public enum Goal: Sendable, Hashable {
    /// The loss that the recipe's model, trained from scratch, has at the end of the recipe's run.
    case runLength
    /// A loss, in nats per token.
    case loss(Double)
    /// The least loss for an amount of compute, in FLOPs by the rule 6 · N · tokens.
    case compute(Double)
  }

  /// The law.
  public var law = Law.kaplan
  /// The goal.
  public var goal = Goal.runLength
  /// The most stages, 1 to 4.
  public var mostStages = 3

  /// The published law, and the recipe's own length.
  public init() {}
}

/// Late depth expansion (Bu, arXiv 2511.04981): one layer or none for most of a schedule that does
/// not fall meanwhile, then all layers for the rest.
public struct LateExpansionRecipe: Sendable, Hashable {
  /// Layers before the expansion.
  public var layerCount = 1
  /// The share of the run at which the model is expanded; nil for 80 %, or where a decay begins before.
  public var share: Double?

  /// One layer until the usual share.
  public init() {}
}

extension StagePlanning {
  private static let expected =
    "a list of stages, auto, lateExpansion, plan: a file, or none"

  init(_ value: RecipeValue, base: URL) throws {
    if value.isWord("auto") {
      self = .automatic(AutomaticStages())
      return
    }
    if value.isWord("lateExpansion") {
      self = .lateExpansion(LateExpansionRecipe())
      return
    }
    guard value.isMapping else { throw value.mismatch(Self.expected) }
    let keys = try value.mapping(keys: ["auto", "lateExpansion", "plan"])
    switch (keys["auto"], keys["lateExpansion"], keys["plan"]) {
    case (let auto?, nil, nil): self = .automatic(try AutomaticStages(auto, base: base))
    case (nil, let late?, nil): self = .lateExpansion(try LateExpansionRecipe(late))
    case (nil, nil, let plan?): self = .plan(try plan.file(relativeTo: base))
    case (nil, nil, nil): throw value.mismatch("one of auto, lateExpansion, plan")
    default:
      throw value.conflict("auto, lateExpansion and plan exclude each other; keep one of them")
    }
  }

  var json: JSONValue {
    switch self {
    case .plan(let url): .keys([("plan", .file(url))])
    case .lateExpansion(let request): .keys([("lateExpansion", request.json)])
    case .automatic(let request): .keys([("auto", request.json)])
    }
  }
}

extension AutomaticStages {
  private enum PublishedLaw: String, CaseIterable { case kaplan }

  init(_ value: RecipeValue, base: URL) throws {
    let keys = try value.mapping(
      keys: ["laws", "fit", "firstStep", "irreducible", "stages", "loss", "compute"])
    self.init()
    mostStages = try keys["stages"]?.integer(in: 1...4) ?? mostStages
    law = try Self.law(keys, base: base)
    if let loss = keys["loss"] { goal = .loss(try loss.positiveNumber()) }
    guard let compute = keys["compute"] else { return }
    if keys["loss"] != nil {
      throw compute.conflict("loss and compute exclude each other; keep one")
    }
    guard case .floatingPointOperations(let amount) = try compute.duration(.work) else {
      throw compute.invalid("an amount of compute, such as 1.5e15 FLOPs")
    }
    goal = .compute(amount)
  }

  private static func law(_ keys: RecipeMapping, base: URL) throws -> Law {
    guard let fit = keys["fit"] else {
      for key in ["firstStep", "irreducible"] {
        if let member = keys[key] {
          throw member.conflict("only a fit has \(key); remove it, or give fit: runs")
        }
      }
      _ = try keys["laws"]?.choice(PublishedLaw.self)
      return .kaplan
    }
    if let laws = keys["laws"] {
      throw laws.conflict("laws and fit exclude each other; keep one")
    }
    return .fit(
      try fit.list("directories of runs").map { try $0.file(relativeTo: base) },
      firstStep: try keys["firstStep"]?.integer(in: 1...Int.max) ?? 1,
      irreducible: try keys["irreducible"]?.flag() ?? false)
  }
  fileprivate var json: JSONValue {
    var keys: [(String, JSONValue?)] = [("stages", JSONValue(mostStages))]
    switch law {
    case .kaplan: keys.append(("laws", "kaplan"))
    case .fit(let runs, let firstStep, let irreducible):
      keys += [
        ("fit", .files(runs)), ("firstStep", JSONValue(firstStep)),
        ("irreducible", .boolean(irreducible)),
      ]
    }
    switch goal {
    case .runLength: break
    case .loss(let loss): keys.append(("loss", JSONValue(loss)))
    case .compute(let amount): keys.append(("compute", .duration(.floatingPointOperations(amount))))
    }
    return .keys(keys)
  }
}

extension LateExpansionRecipe: RecipeSection {
  static let blank = LateExpansionRecipe()

  static var fields: [RecipeField<Self>] {
    [
      .field("layers", \.layerCount, .integer(in: 0...65535)),
      .optional(
        "share", \.share, .share("a share of the run between 0 and 1") { $0 > 0 && $0 < 1 }),
    ]
  }
}
