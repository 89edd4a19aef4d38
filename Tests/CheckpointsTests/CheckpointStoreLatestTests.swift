// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing

@Suite("CheckpointStore.latest") struct CheckpointStoreLatestTests {
  private func destination(_ store: CheckpointStore) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: store.latest.path)
  }

  private func save(_ store: CheckpointStore, step: Int) throws {
    try writeCheckpoint(store, step: step)
    let item = try store.list().first { $0.step == step }
    store.pointLatest(to: try #require(item))
  }

  @Test("the link leads to what was saved last, by a relative path") func follows() throws {
    try CheckpointStoreTests.withStore([]) { store throws in
      try save(store, step: 5)
      #expect(try destination(store) == "step-00000005")
      try save(store, step: 7)
      #expect(try destination(store) == "step-00000007")
      // A run that went back to an earlier step saves that one.
      try save(store, step: 5)
      #expect(try destination(store) == "step-00000005")
      let tensors = try openTensors(in: store.latest)
      #expect(try tensors.float32(named: "w").floats == [5, 6, 7, 8])
    }
  }

  @Test("lists, searches and pruning do not take it for a checkpoint") func isNone() throws {
    try CheckpointStoreTests.withStore([1, 2, 3]) { store throws in
      try save(store, step: 4)
      #expect(try store.list().map(\.step) == [1, 2, 3, 4])
      #expect(try store.prune(keeping: 1, protecting: [2]).map(\.step) == [1, 3])
      #expect(try store.list().map(\.step) == [2, 4])
      #expect(try destination(store) == "step-00000004")
      // Its target may be gone; that damages nothing.
      try FileManager.default.removeItem(at: store.url(step: 4))
      let latest = try store.latestValid()
      #expect(latest.item?.step == 2 && latest.damaged.isEmpty)
      store.pointLatest(to: try #require(latest.item))
      #expect(try destination(store) == "step-00000002")
    }
  }

  @Test("a file of that name is the user's, and what a killed writer left is removed")
  func leavesOthersAlone() throws {
    try CheckpointStoreTests.withStore([]) { store throws in
      try FileManager.default.createDirectory(
        at: store.directory, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: store.latest)
      let leftover = store.directory.appending(path: ".tmp-0123456789abcdef-latest")
      try FileManager.default.createSymbolicLink(
        atPath: leftover.path, withDestinationPath: "step-00000009")
      try save(store, step: 3)
      #expect(try Data(contentsOf: store.latest) == Data("mine".utf8))
      #expect(throws: (any Error).self) {
        try FileManager.default.destinationOfSymbolicLink(atPath: leftover.path)
      }
    }
  }

  @Test("what remembers a path remembers the checkpoint's own") func resolving() throws {
    try CheckpointStoreTests.withStore([]) { store throws in
      try save(store, step: 8)
      #expect(CheckpointStore.resolvingLatest(store.latest).lastPathComponent == "step-00000008")
      let other = store.directory.appending(path: "elsewhere")
      #expect(CheckpointStore.resolvingLatest(other).lastPathComponent == "elsewhere")
    }
  }
}
