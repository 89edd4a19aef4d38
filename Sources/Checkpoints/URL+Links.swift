// SPDX-License-Identifier: Apache-2.0
import Foundation

extension URL {
  /// Where a directory is written whose name is a link: what the link leads to.
  ///
  /// The path itself where it is no link, or where links lead in a circle.
  package var behindLinks: URL {
    var url = self
    for _ in 0..<40 {
      let path = url.path(percentEncoded: false)
      let plain = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: plain) else {
        return url
      }
      url =
        URL(
          filePath: target, directoryHint: .isDirectory,
          relativeTo: URL(filePath: plain).deletingLastPathComponent()
        ).absoluteURL.standardizedFileURL
    }
    return self
  }
}
