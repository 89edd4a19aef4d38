// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

/// Calls `body` with an empty directory that is removed afterwards.
func withDirectory(_ body: (URL) throws -> Void) throws {
  let directory = FileManager.default.temporaryDirectory
    .appending(path: "checkpoints-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  try body(directory)
}

/// Expects an error of this code whose text holds these words.
func expectFailure(
  _ code: CheckpointsError.Code, _ words: String...,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  #expect(sourceLocation: sourceLocation) {
    try body()
  } throws: { error in
    guard let error = error as? CheckpointsError else { return false }
    return error.code == code && words.allSatisfy { error.description.contains($0) }
  }
}

/// All names in a directory, hidden ones included.
func names(in directory: URL) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
}

func golden(_ name: String) throws -> URL {
  try #require(
    Bundle.module.url(forResource: "Goldens", withExtension: nil)?.appending(path: name))
}

/// The bytes of a safetensors file with this header and so many bytes of data.
func file(_ json: String, dataByteCount: Int) -> Data {
  var length = UInt64(json.utf8.count).littleEndian
  return withUnsafeBytes(of: &length) { Data($0) } + Data(json.utf8)
    + Data(repeating: 7, count: dataByteCount)
}

func header(_ data: Data) throws -> SafetensorsHeader {
  try data.withUnsafeBytes { try SafetensorsHeader(file: $0, subject: "test.safetensors") }
}

/// A float32 tensor that counts from a number.
func counting(_ shape: Shape, from start: Float = 0) -> HostTensor {
  HostTensor((0..<shape.elementCount).map { start + Float($0) }, shape: shape)
}

/// Writes a checkpoint with one tensor and one small file.
func writeCheckpoint(_ store: CheckpointStore, step: Int) throws {
  try store.write(step: step) { writer in
    try writer.writeTensors("model", [TensorSpec("w", shape: [4])]) { _ in
      counting([4], from: Float(step))
    }
    try writer.write(Data("{\"step\": \(step)}".utf8), to: "training_state.json")
  }
}
