// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation
import Tensors
import Wording

extension ModelDirectory {
  /// Saves the model again in the form it was read in: its own names, types, shards, remarks and
  /// keys, with the tokenizer and the other small files beside it.
  ///
  /// A file in which nothing changed is byte-identical. A changed value is rounded to the type that
  /// its tensor has; tensors that are no parameters stay as they are, and copies of a parameter (a
  /// tied head) follow it.
  ///
  /// - Parameters:
  ///   - target: another directory or this one; it appears whole or not at all.
  ///   - values: new values, as ``values()`` gives them; nil for no change.
  /// - Throws: the errors of Checkpoints and Tensors.
  public func save(to target: URL, values: [HostTensor]? = nil) throws {
    if let values { try Self.check(values, program.parameters) }
    try AtomicDirectory.write(to: target) { directory in
      try copySmallFiles(to: directory)
      // Whatever the configuration means, nothing of it has changed.
      try Self.write(
        Self.contents(of: url.appending(path: TrainingStateFiles.configuration)),
        to: directory.appending(path: TrainingStateFiles.configuration))
      for file in try weightFiles() { try save(file, to: directory, values) }
    }
  }

  /// The files that hold the weights, one or several.
  private func weightFiles() throws -> [SafetensorsFile] {
    if let single = tensors as? SafetensorsFile { return [single] }
    guard let sharded = tensors as? ShardedTensors else { return [] }
    return try sharded.index.files.map { try SafetensorsFile(url.appending(path: $0)) }
  }

  private func save(
    _ file: SafetensorsFile, to directory: URL, _ values: [HostTensor]?
  ) throws {
    let writer = try SafetensorsWriter(
      directory.appending(path: file.url.lastPathComponent), like: file.header)
    let parameters = parametersByTensor
    while let entry = writer.next {
      let value = parameters[entry.name].flatMap { values?[$0] }
      if let value, let changed = try Self.changed(value, in: file, entry.name) {
        try writer.append(changed, named: entry.name)
      } else {
        try file.withBytes(of: entry.name) { try writer.append(bytes: $0, named: entry.name) }
      }
    }
    _ = try writer.finish()
  }

  /// The parameter that each tensor of the files holds.
  private var parametersByTensor: [String: Int] {
    var result = program.copyNames
    for (index, name) in tensorNames.enumerated() { result[name] = index }
    return result
  }

  /// The value in its file's type; nil where the file holds it already.
  ///
  /// So rounding to float32 and back cannot touch the bits of a NaN.
  private static func changed(
    _ value: HostTensor, in file: SafetensorsFile, _ name: String
  ) throws -> HostTensor? {
    let view = try file.tensor(named: name)
    let old = try view.convertedToFloat32()
    let isSame = old.withUnsafeBytes { before in
      value.withUnsafeBytes { after in
        guard let one = before.baseAddress, let other = after.baseAddress else {
          return before.count == after.count
        }
        return before.count == after.count && memcmp(one, other, before.count) == 0
      }
    }
    return isSame ? nil : try value.converted(to: view.dtype)
  }

  /// Copies texts, but for those of a training state: they speak of other values.
  private func copySmallFiles(to directory: URL) throws {
    let extensions: Set = ["json", "txt", "model", "md", "jinja"]
    let excluded: Set = [
      TrainingStateFiles.configuration, TrainingStateFiles.state, Manifest.fileName,
    ]
    for name in try Self.reading(url, { try FileManager.default.contentsOfDirectory(atPath: $0) })
    where extensions.contains((name as NSString).pathExtension) && !excluded.contains(name) {
      // Download caches hold links to the files.
      let file = url.appending(path: name).resolvingSymlinksInPath()
      let values = try? file.resourceValues(forKeys: [.isRegularFileKey])
      guard values?.isRegularFile ?? false else { continue }
      let data = try Self.reading(file) { _ in try RegularFile.open(file.path).readToEnd() ?? Data()
      }
      try Self.write(data, to: directory.appending(path: name))
    }
  }

  private static func reading<Result>(
    _ url: URL, _ body: (String) throws -> Result
  ) throws -> Result {
    do { return try body(url.path) } catch {
      throw TrainingError(
        .unreadableFile, "cannot be read: \(reason(of: error))", subject: url.path)
    }
  }

  private static func write(_ data: Data, to file: URL) throws {
    do { try data.write(to: file) } catch {
      throw TrainingError(
        .unwritableFile, "cannot be written: \(reason(of: error))", subject: file.path)
    }
  }
}
