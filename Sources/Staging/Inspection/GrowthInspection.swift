// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth

/// What a growth's receipt says: what was done to which model, and what was promised.
public struct GrowthInspection: Sendable, Hashable, Encodable {
  /// The file.
  public var path: String
  /// The growths, for people.
  public var operation: String
  /// What all of them promise together.
  public var guarantees: [Guarantee]
  /// How they were done.
  public var options: GrowthOptions
  /// Optimizer steps that the small model had taken; nil for weights alone.
  public var step: Int?
  /// The small model.
  public var source: ModelConfiguration
  /// The grown model.
  public var target: ModelConfiguration
  /// What made it.
  public var versions: GrowthReceipt.Versions
  /// The files that were read and written; nil where the growth was done in memory.
  public var files: GrowthReceipt.Files?

  /// Reads a receipt.
  ///
  /// - Throws: ``GrowthError`` of code `unreadableReceipt`, `unsupported` or `mismatch`.
  init(_ file: URL) throws {
    let receipt = try GrowthReceipt(contentsOf: file)
    path = file.path(percentEncoded: false)
    (operation, guarantees) = (receipt.path.operation, receipt.guarantees.inOrder)
    (options, step) = (receipt.options, receipt.step)
    (source, target) = (receipt.path.source, receipt.path.target)
    (versions, files) = (receipt.versions, receipt.files)
  }
}
