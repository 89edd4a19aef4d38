// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Synchronization
import Tensors
import Testing

@Suite("Files made block by block") struct ShardPipelineTests {
  private struct Stop: Error {}

  private func folder() -> URL {
    FileManager.default.temporaryDirectory.appending(path: "pipeline-\(UUID().uuidString)")
  }

  private func layout(shard: Int?) throws -> ShardLayout {
    try ShardLayout(
      tensors: [
        TensorSpec("a", shape: [300, 7]), TensorSpec("b", dtype: .bfloat16, shape: [1000]),
        TensorSpec("empty", shape: [0, 3]), TensorSpec("scalar", dtype: .float64, shape: []),
        TensorSpec("c", dtype: .uint8, shape: [50, 41]),
      ], metadata: ["format": "pt"], maximumShardByteCount: shard)
  }

  /// Each byte from its tensor's name and its number.
  private static func byte(_ name: String, _ number: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: number &* 31 &+ name.utf8.reduce(0) { $0 &+ Int($1) })
  }

  private static func maker() -> ShardPipeline.Maker {
    { entry, range, bytes in
      #expect(range.count == bytes.count && range.lowerBound % entry.rowByteCount == 0)
      for index in bytes.indices { bytes[index] = byte(entry.name, range.lowerBound + index) }
    }
  }

  private func configuration(_ workers: Int, _ block: Int) -> ShardPipeline.Configuration {
    var configuration = ShardPipeline.Configuration()
    configuration.workerCount = workers
    configuration.bufferCount = workers + 1
    configuration.openFileCount = max(1, workers / 2)
    configuration.blockByteCount = block
    return configuration
  }

  @Test(
    "files are those of the writer in order", arguments: [nil, 1, 3000],
    // Without a thread, as where the system gives none, the caller does the work.
    [(0, 64), (1, 64), (4, 100), (8, 1)])
  func equal(_ shard: Int?, _ way: (Int, Int)) throws {
    let target = folder()
    defer { try? FileManager.default.removeItem(at: target) }
    let layout = try layout(shard: shard)
    let directory = try ResumableDirectory(for: target, identity: "x", resuming: false)
    var last = 0
    try ShardPipeline([layout], in: directory, configuration: configuration(way.0, way.1))
      .run(makeWorker: { Self.maker() }) { last = $0 }
    #expect(last == layout.byteCount)
    #expect(!FileManager.default.fileExists(atPath: target.path))
    try directory.commit()
    for part in layout.shards {
      let file = try SafetensorsFile(target.appending(path: part.name))
      #expect(file.header.json == part.header.json)
      #expect(try FileDigest(of: file.url) == directory.finished[part.name])
      for entry in file.entries {
        try file.withBytes(of: entry.name) { bytes in
          #expect(bytes.indices.allSatisfy { bytes[$0] == Self.byte(entry.name, $0) })
        }
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: target.path)
    #expect(Set(names) == Set(layout.shards.map(\.name)))
  }

  /// Blocks that are made before the one that is due for the hash keep their buffers.
  @Test("a block that fails while later ones wait for it ends the work, and nothing else")
  func failureOfTheFirst() throws {
    let target = folder()
    let partial = ResumableDirectory.partialURL(of: target)
    defer { [target, partial].forEach { try? FileManager.default.removeItem(at: $0) } }
    let directory = try ResumableDirectory(for: target, identity: "x", resuming: false)
    defer { directory.discard() }
    let pipeline = ShardPipeline(
      [try layout(shard: nil)], in: directory, configuration: configuration(4, 64))
    func run() throws {
      let isFirst = Mutex(true)
      try pipeline.run(
        makeWorker: {
          let make = Self.maker()
          return { entry, range, bytes in
            let isDue = isFirst.withLock { first in
              defer { first = false }
              return first
            }
            if isDue {
              Thread.sleep(forTimeInterval: 0.1)
              throw Stop()
            }
            try make(entry, range, bytes)
          }
        }
      ) { _ in }
    }
    #expect(throws: Stop.self) { try run() }
  }

  @Test("whoever fails stops all, and what is finished stays", arguments: [1, 4])
  func failure(_ workers: Int) throws {
    let target = folder()
    let partial = ResumableDirectory.partialURL(of: target)
    defer { [target, partial].forEach { try? FileManager.default.removeItem(at: $0) } }
    let layout = try layout(shard: 1)
    func run(_ identity: String, resuming: Bool, failing: String?) throws -> [String] {
      let directory = try ResumableDirectory(for: target, identity: identity, resuming: resuming)
      defer { directory.release() }
      let made = Mutex<Set<String>>([])
      try ShardPipeline([layout], in: directory, configuration: configuration(workers, 64)).run(
        makeWorker: {
          let make = Self.maker()
          return { entry, range, bytes in
            if entry.name == failing { throw Stop() }
            made.withLock { _ = $0.insert(entry.name) }
            try make(entry, range, bytes)
          }
        }
      ) { _ in }
      try directory.commit()
      return made.withLock { $0.sorted() }
    }
    #expect(throws: Stop.self) { try run("x", resuming: false, failing: "scalar") }
    #expect(!FileManager.default.fileExists(atPath: target.path))
    let other = #expect(throws: CheckpointsError.self) {
      try run("y", resuming: true, failing: nil)
    }
    #expect(other?.code == .unfinishedWork)
    // What is damaged since then is made again; of several workers none may have finished it.
    let first = partial.appending(path: layout.shards[0].name)
    if workers == 1 || FileManager.default.fileExists(atPath: first.path) {
      var data = try Data(contentsOf: first)
      data[data.count - 1] ^= 1
      try data.write(to: first)
    }
    try Data("x".utf8).write(to: partial.appending(path: "foreign"))
    let made = try run("x", resuming: true, failing: nil)
    #expect(made.contains("a") && made.contains("scalar"))
    if workers == 1 { #expect(made == ["a", "c", "scalar"]) }
    let names = try FileManager.default.contentsOfDirectory(atPath: target.path)
    #expect(Set(names) == Set(layout.shards.map(\.name)))
    for part in layout.shards {
      let file = try SafetensorsFile(target.appending(path: part.name))
      for entry in file.entries {
        try file.withBytes(of: entry.name) { bytes in
          #expect(bytes.indices.allSatisfy { bytes[$0] == Self.byte(entry.name, $0) })
        }
      }
    }
  }

  @Test("progress may stop the work; without resuming what is left is removed")
  func cancelled() throws {
    let target = folder()
    let partial = ResumableDirectory.partialURL(of: target)
    defer { [target, partial].forEach { try? FileManager.default.removeItem(at: $0) } }
    let layout = try layout(shard: 1)
    let directory = try ResumableDirectory(for: target, identity: "x", resuming: false)
    #expect(throws: CancellationError.self) {
      try ShardPipeline([layout], in: directory).run(makeWorker: { Self.maker() }) { _ in
        throw CancellationError()
      }
    }
    #expect(throws: CheckpointsError.self) {
      try ResumableDirectory(for: target, identity: "x", resuming: true)
    }
    directory.release()
    let fresh = try ResumableDirectory(for: target, identity: "y", resuming: false)
    #expect(fresh.finished.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: partial.path).count == 1)
    fresh.discard()
    #expect(!FileManager.default.fileExists(atPath: partial.path))
  }
}
