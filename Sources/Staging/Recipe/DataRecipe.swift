// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Text

/// The recipe's `data`: what the model learns from, and in which order.
public struct DataRecipe: Sendable, Hashable {
  /// Where the tokens come from.
  public enum Source: Sendable, Hashable {
    /// Texts that the run tokenizes first: files or folders.
    case texts(training: [URL], validation: Validation)
    /// A directory that `espalier prepare` wrote.
    case prepared(URL)
  }

  /// The part of the texts to measure on.
  public enum Validation: Sendable, Hashable {
    /// None.
    case none
    /// A share of the training texts' documents, between 0 and 1.
    case fraction(Double)
    /// Texts of its own.
    case files([URL])
  }

  /// Where the tokens come from.
  public var source: Source
  /// The order of sequences; the shuffled one is another permutation in each epoch, from the recipe's
  /// seed.
  public var order: BatchStream.Order

  /// Makes a data section.
  public init(source: Source, order: BatchStream.Order = .shuffled) {
    self.source = source
    self.order = order
  }

  /// The share of documents for validation where the recipe does not say.
  public static let defaultValidationFraction = 0.01
}

extension DataRecipe {
  static let keys = ["train", "validation", "prepared", "order"]
  static let validationKeys = ["fraction", "files"]

  init(_ value: RecipeValue, base: URL) throws {
    guard value.isMapping else {
      self.init(source: .prepared(try value.file(relativeTo: base)))
      return
    }
    let keys = try value.mapping(keys: Self.keys)
    let order: BatchStream.Order = try keys["order"]?.choice() ?? .shuffled
    guard let prepared = keys["prepared"] else {
      self.init(source: try Self.texts(keys, base: base), order: order)
      return
    }
    for key in ["train", "validation"] {
      if let member = keys[key] {
        throw member.conflict(
          "prepared data bring their own texts and validation; remove this key or data.prepared")
      }
    }
    self.init(source: .prepared(try prepared.file(relativeTo: base)), order: order)
  }

  private static func texts(_ keys: RecipeMapping, base: URL) throws -> Source {
    let expected = "a text file, a folder, or a list of them"
    let training = try keys.required("train", "\(expected), or data.prepared instead")
    return .texts(
      training: try training.list(expected).map { try $0.file(relativeTo: base) },
      validation: try keys["validation"].map { try validation($0, base: base) }
        ?? .fraction(defaultValidationFraction))
  }

  private static func validation(_ value: RecipeValue, base: URL) throws -> Validation {
    let expected = "fraction: … or files: […], or none"
    if value.isWord("none") { return .none }
    guard value.isMapping else {
      return .files(try value.list(expected).map { try $0.file(relativeTo: base) })
    }
    let keys = try value.mapping(keys: validationKeys)
    switch (keys["fraction"], keys["files"]) {
    case (let share?, nil):
      return .fraction(
        try share.fraction("a share between 0 and 1, such as 0.02") { $0 > 0 && $0 < 1 })
    case (nil, let files?):
      return .files(
        try files.list("a text file, a folder, or a list of them").map {
          try $0.file(relativeTo: base)
        })
    case (_?, let files?):
      throw files.conflict("fraction and files exclude each other; keep one")
    case (nil, nil):
      throw value.mismatch(expected)
    }
  }
  var json: JSONValue {
    let order = JSONValue.string(order.rawValue)
    switch source {
    case .prepared(let url): return .keys([("prepared", .file(url)), ("order", order)])
    case .texts(let training, let validation):
      let validation: JSONValue =
        switch validation {
        case .none: "none"
        case .fraction(let share): .keys([("fraction", JSONValue(share))])
        case .files(let urls): .keys([("files", .files(urls))])
        }
      return .keys([("train", .files(training)), ("validation", validation), ("order", order)])
    }
  }
}
