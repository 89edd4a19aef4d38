// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Calls `body` with a folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// The contents of every file in a folder, by name.
func contents(of folder: URL) throws -> [String: Data] {
  var result: [String: Data] = [:]
  for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
    result[name] = try Data(contentsOf: folder.appending(path: name))
  }
  return result
}

/// The model in the shared data folder beside the package; nil where there is none.
let storiesModel: URL? = {
  let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  let folder = package.deletingLastPathComponent().appending(path: "shared/data/stories260K")
  let file = folder.appending(path: "model.safetensors")
  return FileManager.default.fileExists(atPath: file.path) ? folder : nil
}()
