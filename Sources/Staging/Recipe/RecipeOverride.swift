// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Wording

/// One value set from outside the recipe's file: `optimizer.clip=0.5`.
///
/// The value is YAML and passes through the same checks as the recipe's own values; it may be a
/// whole group: `evaluate={every: 10 steps, batches: 2}`.
public struct RecipeOverride: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The keys from the recipe's top down to the value.
  public var keyPath: [String]
  /// The value as YAML text.
  public var value: String

  /// Makes an override.
  public init(keyPath: [String], value: String) {
    self.keyPath = keyPath
    self.value = value
  }

  /// Reads `key.path=value`.
  ///
  /// - Throws: ``StagingError`` where there is no `=` or a key is empty.
  public init(parsing text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let keys = parts[0].split(separator: ".", omittingEmptySubsequences: false)
      .map { $0.trimmingPrefix(while: \.isWhitespace).description }
    guard parts.count == 2, keys.allSatisfy({ !$0.isEmpty }) else {
      throw StagingError(
        .invalidOverride, "expected key.path=value, such as optimizer.clip=0.5",
        subject: "--set \(text.excerpt)")
    }
    self.init(keyPath: keys, value: String(parts[1]))
  }

  /// The override that takes the stages from a plan's file, wherever the recipe lies.
  public init(followingPlan file: URL) {
    let path = file.absoluteURL.standardizedFileURL.path(percentEncoded: false)
    let quoted = String(decoding: JSONValue.string(path).encoded(.compact), as: UTF8.self)
    self.init(keyPath: ["stages"], value: "{plan: \(quoted)}")
  }

  /// The text that reads back as this override.
  public var description: String { "\(keyPath.joined(separator: "."))=\(value)" }

  /// The option that set it, for messages.
  var option: String {
    keyPath == ["stages"] && value.hasPrefix(Self.planPrefix)
      ? "--plan" : "--set \(description.excerpt)"
  }

  /// What begins the value of ``init(followingPlan:)``.
  private static let planPrefix = "{plan: \""

  /// Whether this sets the value at `path` or one that holds it.
  func covers(_ path: [String]) -> Bool { path.starts(with: keyPath) }
}
