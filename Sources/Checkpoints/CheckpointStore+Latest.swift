// SPDX-License-Identifier: Apache-2.0
import Foundation

extension CheckpointStore {
  /// The name of the link to the checkpoint that was saved last: a symbolic link, so that whatever
  /// opens a model's directory opens it too.
  public static let latestName = "latest"

  /// Where the link is or would be.
  public var latest: URL { directory.appending(path: Self.latestName) }

  /// Points the link at a checkpoint, in one step.
  ///
  /// Only an attempt: a file system without links, or a file of the user's of that name, does without.
  public func pointLatest(to item: Item) {
    let name = item.url.lastPathComponent
    guard destinationOfLatest != name else { return }
    guard !isLatestTaken else { return }
    let path = latest.path
    let passing = siblingURL(of: latest, .temporary)
    guard symlink(name, passing.path) == 0 else { return }
    guard rename(passing.path, path) == 0 else {
      unlink(passing.path)
      return
    }
    try? synchronizeItem(directory)
  }

  /// Whether something else than a link stands in its place, which is left there.
  public var isLatestTaken: Bool {
    var information = stat()
    return lstat(latest.path, &information) == 0 && information.st_mode & S_IFMT != S_IFLNK
  }

  /// The name that the link holds; nil where there is none.
  private var destinationOfLatest: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: latest.path)
  }

  /// A checkpoint's own directory, where a path leads to it by the link, which will point elsewhere
  /// one day.
  public static func resolvingLatest(_ url: URL) -> URL {
    let url = url.absoluteURL.standardizedFileURL
    guard url.lastPathComponent == latestName,
      let name = try? FileManager.default.destinationOfSymbolicLink(
        atPath: url.path(percentEncoded: false)), step(of: name) != nil
    else { return url }
    return url.deletingLastPathComponent().appending(path: name)
  }
}
