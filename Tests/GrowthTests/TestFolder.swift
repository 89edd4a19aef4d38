// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels

/// A new folder for one test, removed with this object.
final class TestFolder {
  let url = FileManager.default.temporaryDirectory
    .appending(path: "espalier-growth-\(UUID().uuidString)", directoryHint: .isDirectory)

  init() {}

  subscript(_ name: String) -> URL { url.appending(path: name, directoryHint: .isDirectory) }

  /// The names of all that is in it.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
  }

  /// A model with a tokenizer of so many tokens.
  func copy(of golden: FamilyGolden, tokens: Int) throws -> URL {
    let copy = url.appending(path: "source", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: golden.url.appending(path: name), to: copy.appending(path: name))
    }
    let words = (0..<tokens - 1).map { "\"w\($0)\": \($0)" }.joined(separator: ", ")
    let tokenizer =
      #"{"model": {"type": "WordLevel", "vocab": {\#(words)}}, "added_tokens": "#
      + #"[{"id": 0, "content": "w0"}, {"id": \#(tokens - 1), "content": "<s>"}]}"#
    try Data(tokenizer.utf8).write(to: copy.appending(path: "tokenizer.json"))
    return copy
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
