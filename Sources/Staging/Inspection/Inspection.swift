// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Growth
import Text
import Training

/// What lies at a path: a run, a checkpoint, a model, tensors, tokens, a recipe or a growth's receipt.
public enum Inspection: Sendable {
  /// A run's directory.
  case run(RunInspection)
  /// A checkpoint or a Hugging Face directory.
  case model(ModelInspection)
  /// A safetensors file.
  case tensors(TensorFileInspection)
  /// A directory of token shards.
  case tokens(TokenDatasetSummary)
  /// A recipe.
  case recipe(RecipeInspection)
  /// The receipt of a growth.
  case growth(GrowthInspection)

  /// Looks at a file or directory.
  ///
  /// - Parameters:
  ///   - verify: whether to compare every file with its checksum, which reads them all.
  ///   - patterns: names of tensors that are no part of a model and are passed over.
  /// - Throws: ``StagingError`` of code `notInspectable` where nothing is known of what is there, and
  ///   the errors of reading it.
  public static func of(
    _ url: URL, verify: Bool = true, ignoring patterns: [String] = []
  ) throws -> Inspection {
    var isDirectory: ObjCBool = false
    let path = url.path(percentEncoded: false)
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw StagingError(.notInspectable, "there is no such file or directory", subject: path)
    }
    return isDirectory.boolValue
      ? try ofDirectory(url, verify: verify, ignoring: patterns) : try ofFile(url)
  }

  private static func ofDirectory(
    _ url: URL, verify: Bool, ignoring patterns: [String]
  ) throws -> Inspection {
    func holds(_ name: String) -> Bool {
      FileManager.default.fileExists(
        atPath: url.appending(path: name).path(percentEncoded: false))
    }
    if RunDirectory(url).holdsRun { return .run(try RunInspection(url, verify: verify)) }
    if holds("config.json") || holds("training_state.json") {
      return .model(try ModelInspection(url, verify: verify, ignoring: patterns))
    }
    if holds(GrowthReceipt.fileName) {
      return .growth(try GrowthInspection(url.appending(path: GrowthReceipt.fileName)))
    }
    if holds(CorpusManifest.fileName) {
      return .tokens(try TokenDataset.open(url).summary(verify: verify))
    }
    // Where it should be a model, what is wrong can be told.
    let link = url.appending(path: "config.json").path(percentEncoded: false)
    if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil {
      _ = try ModelLocation(of: url)
    }
    throw StagingError(
      .notInspectable,
      "the directory holds no run (run.json), model (config.json) or tokens (manifest.json)",
      subject: url.path(percentEncoded: false))
  }

  /// Files that say something only together with others of their directory.
  private static let parts: Set = [
    "run.json", "log.jsonl", "plan.json", "config.json", "manifest.json", "training_state.json",
    "tokenizer.json", "model.safetensors.index.json",
  ]

  private static func ofFile(_ url: URL) throws -> Inspection {
    switch url.pathExtension.lowercased() {
    case "safetensors": return .tensors(TensorFileInspection(try SafetensorsFile(url)))
    case "yaml", "yml": return .recipe(try RecipeInspection(url))
    case "json" where url.lastPathComponent.hasSuffix(GrowthReceipt.fileName):
      return .growth(try GrowthInspection(url))
    default:
      throw StagingError(
        .notInspectable,
        "is nothing that can be inspected by itself; expected a .safetensors or .yaml file, a "
          + "\(GrowthReceipt.fileName), or a directory"
          + (Self.parts.contains(url.lastPathComponent) ? ": name the one that it lies in" : ""),
        subject: url.path(percentEncoded: false))
    }
  }
}

extension Inspection: Encodable {
  private enum Key: String, CodingKey { case kind }

  /// One object: `kind`, then the fields of what was found.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .run(let run):
      try container.encode("run", forKey: .kind)
      try run.encode(to: encoder)
    case .model(let model):
      try container.encode("model", forKey: .kind)
      try model.encode(to: encoder)
    case .tensors(let tensors):
      try container.encode("tensors", forKey: .kind)
      try tensors.encode(to: encoder)
    case .tokens(let tokens):
      try container.encode("tokens", forKey: .kind)
      try tokens.encode(to: encoder)
    case .recipe(let recipe):
      try container.encode("recipe", forKey: .kind)
      try recipe.encode(to: encoder)
    case .growth(let growth):
      try container.encode("growth", forKey: .kind)
      try growth.encode(to: encoder)
    }
  }
}

extension Inspection {
  /// Whether a checksum or a size is not as a manifest says, or a model lacks tensors or has others.
  public var isDamaged: Bool {
    switch self {
    case .run(let run):
      return run.checkpoints.contains { !$0.problems.isEmpty }
        || run.stages.contains { !$0.problems.isEmpty }
        || run.growths.contains { $0.problem != nil } || !run.problems.isEmpty
    case .model(let model):
      guard case .damaged = model.integrity else { return !model.holdsModel }
      return true
    case .tokens(let tokens): return !tokens.faults.isEmpty
    case .tensors, .recipe, .growth: return false
    }
  }
}
