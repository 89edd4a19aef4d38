// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Yams

/// A place where staged training is measured: a target, a text, and the arms that train it.
///
/// It is a folder: `bed.yaml` says which runs there are, `target.yaml` is the recipe of the target from
/// scratch, and `results.jsonl` has what was measured.
public struct Bed: Sendable {
  /// The bed's folder.
  public let folder: URL
  /// What the bed is, in a line.
  public let title: String
  /// The script under `texts` that makes the text.
  public let text: String
  /// The arms, the frontier's first.
  public let arms: [Arm]
  /// The recipe of the target from scratch, in YAML.
  public let target: String

  /// The bed's name.
  public var name: String { folder.lastPathComponent }
  /// The file of its results.
  public var results: URL { folder.appending(path: "results.jsonl") }

  /// One way to train the target.
  public struct Arm: Sendable, Hashable {
    /// The arm's name, of which its runs' names are made.
    public var name: String
    /// What it does, in a line.
    public var about: String
    /// Whether it is from scratch: a point of the frontier that the others are held against.
    public var isFrontier: Bool
    /// Values over the target's recipe: key paths, and values in YAML.
    public var settings: [String: String]
    /// The peaks that are tried first; the best is closed in by further ones.
    public var rates: [Double]
    /// The seeds of the best rate; the first of them tries all rates.
    public var seeds: [UInt64]

    /// Makes an arm.
    public init(
      name: String, about: String, isFrontier: Bool, settings: [String: String],
      rates: [Double], seeds: [UInt64]
    ) {
      self.name = name
      self.about = about
      self.isFrontier = isFrontier
      self.settings = settings
      self.rates = rates
      self.seeds = seeds
    }
  }

  /// Reads a bed.
  ///
  /// - Throws: ``BedError`` that names the file and the key.
  public init(_ folder: URL) throws {
    self.folder = folder
    let file = folder.appending(path: "bed.yaml")
    target = try Self.text(folder.appending(path: "target.yaml"))
    let content: Content
    do { content = try YAMLDecoder().decode(Content.self, from: try Self.text(file)) } catch {
      throw BedError("\(file.path): \(error)")
    }
    title = content.title
    text = content.text
    arms = try content.arms.map { try $0.arm(content, file.path) }
    let names = arms.map(\.name)
    guard Set(names).count == names.count, arms.contains(where: \.isFrontier) else {
      throw BedError(
        "\(file.path): arms: expected names that differ, and an arm with 'frontier: true'")
    }
  }

  private static func text(_ file: URL) throws -> String {
    do { return try String(contentsOf: file, encoding: .utf8) } catch {
      throw BedError("\(file.path) cannot be read; a bed has bed.yaml and target.yaml")
    }
  }

  private struct Content: Decodable {
    var title: String
    var text: String
    var rates: [Double]
    var seeds: [UInt64]
    var arms: [ArmContent]
  }

  private struct ArmContent: Decodable {
    var name: String
    var about: String?
    var frontier: Bool?
    var set: [String: String]?
    var rates: [Double]?
    var seeds: [UInt64]?

    func arm(_ bed: Content, _ file: String) throws -> Arm {
      let (rates, seeds) = (rates ?? bed.rates, seeds ?? bed.seeds)
      guard !seeds.isEmpty, !rates.isEmpty, rates.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw BedError("\(file): arm \(name): expected rates above 0, and a seed")
      }
      return Arm(
        name: name, about: about ?? name, isFrontier: frontier ?? false, settings: set ?? [:],
        rates: rates.sorted(), seeds: seeds)
    }
  }
}

/// What is wrong with a bed, its results or its runs.
public struct BedError: Error, CustomStringConvertible {
  /// What is wrong, where, and what helps.
  public var description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}
