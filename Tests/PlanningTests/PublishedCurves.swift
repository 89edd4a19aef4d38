// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning

/// The loss curves that the paper's authors published, where they lie beside the package.
enum PublishedCurves {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data/curves")

  static var areThere: Bool { FileManager.default.fileExists(atPath: folder.path) }

  static let parameterCounts = [
    "base": 84.9e6, "base-half-depth": 42.5e6, "base-half-width": 21.2e6,
  ]

  static func curve(_ name: String) throws -> LossCurve {
    try LossCurve(
      csv: folder.appending(path: "\(name).csv").path,
      parameterCount: parameterCounts[name] ?? .nan, tokensPerStep: 512 * 1024)
  }
}
