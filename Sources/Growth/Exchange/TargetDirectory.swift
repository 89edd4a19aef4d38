// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation
import Training

/// Where a model's directory shall be written.
struct TargetDirectory {
  private let url: URL
  private var path: String { url.path(percentEncoded: false) }

  /// - Parameter url: the path, made absolute.
  init(_ url: URL) { self.url = url }

  /// Checks, before any work, that a directory may be written there.
  ///
  /// - Parameters:
  ///   - sources: what is read; none of it may lie there.
  ///   - overwrites: whether a model that is there is replaced. Files that its manifest does not name
  ///     are somebody's, and never removed.
  /// - Throws: ``GrowthError`` of code `unwritableTarget`.
  func check(sources: [URL], overwrites: Bool) throws {
    let own = Self.real(url)
    for source in sources where Self.real(source).hasPrefix(own) {
      throw failure("holds \(source.path(percentEncoded: false)), which is read; give another path")
    }
    guard FileManager.default.fileExists(atPath: path) else { return }
    guard let listing = try? FolderListing(of: path) else {
      throw failure("exists and is no directory; give another path")
    }
    if listing.isEmpty { return }
    guard listing.names.contains(TrainingStateFiles.configuration) else {
      throw failure("exists and is not a model's directory; give another path")
    }
    guard overwrites else {
      throw failure("exists; give another path, or replace it (--overwrite)")
    }
    try checkOwners(listing.names + listing.strangeNames)
  }

  private func checkOwners(_ names: [String]) throws {
    let known = (try? Manifest(reading: url))?.files.keys.map { String($0) } ?? []
    let strangers = Set(names).subtracting(known).subtracting([Manifest.fileName]).sorted()
    guard strangers.isEmpty else {
      throw failure(
        "holds \(strangers[0])\(strangers.count > 1 ? " and \(strangers.count - 1) more files" : ""), "
          + "which its \(Manifest.fileName) does not name; move them, or give another path")
    }
  }

  private static func real(_ url: URL) -> String {
    let path = url.absoluteURL.standardizedFileURL.resolvingSymlinksInPath()
      .path(percentEncoded: false)
    return path.hasSuffix("/") ? path : path + "/"
  }

  private func failure(_ message: String) -> GrowthError {
    GrowthError(.unwritableTarget, message, subject: path)
  }
}
