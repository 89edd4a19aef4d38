// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors

/// Which type each grown tensor has in its file.
struct OutputTypes {
  /// The type that all get; nil for their own.
  private let given: DType?
  /// The type of real numbers that most of the source's tensors have, for those without a source.
  private let usual: DType

  init(_ source: GrowthSource, _ given: DType?) throws {
    self.given = given
    let tensors = source.directory.tensors
    let types = source.directory.tensorNames.compactMap { tensors.entry(named: $0)?.dtype }
      .filter(\.isFloatingPoint)
    let counts = Dictionary(grouping: types) { $0 }.mapValues(\.count)
    usual =
      counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key ?? .float32
  }

  /// Whether a tensor is computed in float64: where its source holds that, or, of new tensors, where the
  /// model's others do.
  func isExact(_ entry: TensorEntry?) -> Bool {
    guard let entry else { return usual == .float64 }
    return entry.dtype == .float64
  }

  /// A tensor's type; nil for one that is copied as it is, whatever it holds.
  ///
  /// - Parameters:
  ///   - entry: what it comes from; nil where all entries are new.
  ///   - isComputed: whether its numbers are not just taken over.
  /// - Throws: ``GrowthError`` of code `unsupported` where a growth would have to compute with what
  ///   is no real number.
  func type(of entry: TensorEntry?, isComputed: Bool) throws -> DType? {
    guard let entry else { return given ?? usual }
    if let type = entry.dtype, type.isFloatingPoint { return given ?? type }
    try GrowthError.check(
      !isComputed, .unsupported, subject: entry.name,
      "holds elements of type \(entry.dtypeName), which the growth would have to compute with; "
        + "readable are \(DType.allCases.filter(\.isFloatingPoint).map(\.safetensorsName).joined(separator: ", ")). "
        + "Convert it first, or choose a growth that leaves it as it is")
    return nil
  }
}

/// Chooses tensors by patterns of their names.
struct NameFilter {
  private let patterns: [String]?

  /// - Throws: ``GrowthError`` of code `invalidOptions` for a pattern that fits no name.
  init(_ patterns: [String]?, among names: [String]) throws {
    self.patterns = patterns
    for pattern in patterns ?? [] {
      try GrowthError.check(
        names.contains { Self.fits($0, pattern) }, .invalidOptions, subject: "only",
        "\"\(pattern)\" fits none of the \(names.count) tensors, of which one is "
          + "\(names.first ?? "none")")
    }
  }

  /// Whether a tensor is chosen.
  func contains(_ name: String) -> Bool {
    patterns?.contains { Self.fits(name, $0) } ?? true
  }

  private static func fits(_ name: String, _ pattern: String) -> Bool {
    fnmatch(pattern, name, 0) == 0
  }
}
