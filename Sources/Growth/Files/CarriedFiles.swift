// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation
import Training
import Wording

/// The small files of a model that its grown form keeps: tokenizer, generation settings, licence.
struct CarriedFiles {
  private static let extensions: Set = ["json", "txt", "model", "md", "jinja", "tiktoken"]
  /// Files without an extension that travel with a model.
  private static let names: Set = ["LICENSE", "LICENCE", "NOTICE"]
  /// Vocabularies have some megabytes; what is larger is no small file.
  private static let largest = 256 << 20

  /// The files' names, sorted.
  let names: [String]
  private let directory: URL

  /// Finds the files beside a model; those that speak of its size, weights or training stay behind.
  init(of directory: URL) throws {
    self.directory = directory
    names = try Self.reading(directory) {
      try FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))
    }.filter { Self.isCarried($0) && Self.isSmallFile(directory.appending(path: $0)) }.sorted()
  }

  /// Copies the files into a checkpoint that is being written.
  func copy(into writer: CheckpointWriter, except taken: Set<String> = []) throws {
    for name in names where !taken.contains(name) {
      let file = directory.appending(path: name).resolvingSymlinksInPath()
      let data = try Self.reading(file) {
        try RegularFile.contents(of: file.path(percentEncoded: false), atMost: Self.largest)
      }
      try writer.write(data, to: name)
    }
  }

  private static func reading<Result>(_ url: URL, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch {
      throw GrowthError(
        .unreadableSource, "cannot be read: \(reason(of: error))",
        subject: url.path(percentEncoded: false))
    }
  }

  private static func isCarried(_ name: String) -> Bool {
    let own: Set = [
      TrainingStateFiles.configuration, TrainingStateFiles.state, Manifest.fileName,
      GrowthReceipt.fileName, NewParameters.fileName,
    ]
    guard !name.hasPrefix("."), !own.contains(name), !name.hasSuffix(".index.json") else {
      return false
    }
    return names.contains(name) || extensions.contains((name as NSString).pathExtension)
  }

  private static func isSmallFile(_ url: URL) -> Bool {
    // Download caches hold links to the files.
    let values = try? url.resolvingSymlinksInPath()
      .resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
    return values?.isRegularFile == true && (values?.fileSize ?? .max) <= largest
  }
}
