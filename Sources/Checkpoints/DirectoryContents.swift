// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// What a directory holds, for deciding whether it may be replaced.
package struct DirectoryContents {
  private let url: URL

  /// Looks into a directory.
  package init(_ url: URL) { self.url = url }

  /// Everything but these files and the directories that hold nothing else, by path, in order.
  ///
  /// A directory whose list cannot be read is itself such a thing.
  package func strangers(besides known: Set<String>) -> [String] {
    strangers(beneath: "", known).sorted()
  }

  private func strangers(beneath folder: String, _ known: Set<String>) -> [String] {
    let path = url.appending(path: folder).path
    guard let listing = try? FolderListing(of: path) else { return [folder] }
    func item(_ name: String) -> String { folder.isEmpty ? name : "\(folder)/\(name)" }
    return listing.strangeNames.map(item)
      + listing.names.flatMap { name -> [String] in
        let item = item(name)
        if known.contains(item) { return [] }
        var information = stat()
        let isDirectory =
          lstat(url.appending(path: item).path, &information) == 0
          && information.st_mode & S_IFMT == S_IFDIR
        guard isDirectory, known.contains(where: { $0.hasPrefix(item + "/") }) else {
          return [item]
        }
        return strangers(beneath: item, known)
      }
  }

  /// The first few names, and how many more there are.
  package static func list(_ names: [String]) -> String {
    let shown = names.prefix(5).map { "“\($0)”" }.joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
