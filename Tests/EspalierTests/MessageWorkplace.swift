// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A folder with what the cases of `Messages/*.txt` name: good files, and files with one fault each.
struct MessageWorkplace {
  private let place: CommandWorkplace

  var url: URL { place.url }

  init() throws {
    place = try CommandWorkplace()
    for (name, text) in Self.texts { try write(name, text) }
    for (name, text) in Self.curves { try write(name, text) }
    for name in ["folder", "fifo-run", "old-run", "no-log"] {
      try FileManager.default.createDirectory(
        at: url.appending(path: name), withIntermediateDirectories: true)
    }
    mkfifo(url.appending(path: "pipe").path, 0o600)
  }

  /// A word with what only a test run knows put in.
  func named(_ word: String) -> String { word.replacing("PLACE", with: url.path) }

  /// A message without it.
  func anonymous(_ message: String) -> String {
    // The command's own view of a path may go through a link.
    message.replacing(url.resolvingSymlinksInPath().path, with: "PLACE")
      .replacing(url.path, with: "PLACE")
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: url.appending(path: name))
  }

  /// Texts by the names of their files.
  private static let texts = [
    "empty.csv": "", "names.csv": "epoch,accuracy\n1,2\n", "three.csv": "1,2,3\n4,5,6\n",
    "words.csv": "step,loss\n10,seven\n", "falling.csv": "step,loss\n10,3\n5,2\n",
    "zero.csv": "step,loss\n10,0\n20,3\n", "one.csv": "step,loss\n10,3\n",
    "half-steps.csv": "step,loss\n1.5,3\n", "huge.csv": "step,loss\n1e300,3\n",
    "empty.json": "", "list.json": "[]", "version.json": "{\"version\": 99}",
  ]

  /// Curves of two sizes that fall as laws do.
  private static let curves = ["small": 1e6, "large": 16e6].map { name, size in
    let lines = (1...100).map { index in
      let loss = pow(8.8e13 / size, 0.076) + pow(4200 / Double(100 * index), 0.76)
      return "\(100 * index),\(loss)"
    }
    return ("\(name).csv", (["step,loss"] + lines).joined(separator: "\n") + "\n")
  }
}
