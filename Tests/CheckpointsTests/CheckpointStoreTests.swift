// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

@Suite("CheckpointStore") struct CheckpointStoreTests {
  static func withStore(_ steps: [Int], _ body: (CheckpointStore) throws -> Void) throws {
    try withDirectory { directory throws in
      let store = CheckpointStore(directory.appending(path: "checkpoints"))
      for step in steps { try writeCheckpoint(store, step: step) }
      try body(store)
    }
  }

  static func damage(_ store: CheckpointStore, step: Int) throws {
    let url = store.url(step: step).appending(path: "model.safetensors")
    var data = try Data(contentsOf: url)
    data[data.count - 1] ^= 0x40
    try data.write(to: url)
  }

  @Test("checkpoints are listed by step, and nothing else is")
  func list() throws {
    try Self.withStore([100_000_000, 5, 1234, 0]) { store throws in
      for name in ["step-5", "step-+0000005", "step-000000005", "step-x", "other", "step-"] {
        try FileManager.default.createDirectory(
          at: store.directory.appending(path: name), withIntermediateDirectories: false)
      }
      let items = try store.list()
      #expect(items.map(\.step) == [0, 5, 1234, 100_000_000])
      #expect(
        items.map(\.url.lastPathComponent)
          == ["step-00000000", "step-00000005", "step-00001234", "step-100000000"])
    }
  }

  @Test("an empty store and one without a folder have no latest checkpoint")
  func empty() throws {
    try withDirectory { directory throws in
      for store in [CheckpointStore(directory), CheckpointStore(directory.appending(path: "no"))] {
        #expect(try store.list().isEmpty)
        let latest = try store.latestValid()
        #expect(latest.item == nil && latest.damaged.isEmpty)
        #expect(try store.prune(keeping: 1).isEmpty)
      }
    }
  }

  @Test("the newest is used, with its own bytes")
  func latest() throws {
    try Self.withStore([1, 3, 2]) { store throws in
      let latest = try store.latestValid()
      #expect(latest.item?.step == 3 && latest.damaged.isEmpty)
      let tensors = try openTensors(in: #require(latest.item).url)
      #expect(try tensors.float32(named: "w").floats == [3, 4, 5, 6])
    }
  }

  @Test("damaged ones are passed over and reported with the reason")
  func damaged() throws {
    try Self.withStore([1, 2, 3]) { store throws in
      try Self.damage(store, step: 3)
      let manifest = store.url(step: 2).appending(path: "manifest.json")
      try FileManager.default.removeItem(at: manifest)
      let latest = try store.latestValid()
      #expect(latest.item?.step == 1)
      #expect(latest.damaged.map(\.item.step) == [3, 2])
      #expect(
        latest.damaged.map(\.problems) == [
          [FileProblem(file: "model.safetensors", kind: .wrongChecksum)],
          [FileProblem(file: "manifest.json", kind: .missing)],
        ])
      #expect("\(latest.damaged[0])".contains("step-00000003: model.safetensors has changed"))
      // A changed bit is not a changed size.
      #expect(try store.latestValid(level: .sizes).item?.step == 3)
    }
  }

  @Test("a checkpoint of the same step is replaced")
  func replaced() throws {
    try Self.withStore([7]) { store throws in
      try store.write(step: 7) { try $0.write(Data("new".utf8), to: "x") }
      #expect(try names(in: store.url(step: 7)) == ["manifest.json", "x"])
      #expect(try names(in: store.directory) == ["step-00000007"])
    }
  }

  @Test("pruning keeps the newest")
  func prune() throws {
    try Self.withStore([1, 2, 3, 4]) { store throws in
      #expect(try store.prune(keeping: 2).map(\.step) == [1, 2])
      #expect(try store.list().map(\.step) == [3, 4])
      #expect(try store.prune(keeping: 2).isEmpty)
      #expect(try names(in: store.directory) == ["step-00000003", "step-00000004"])
    }
  }

  @Test("pruning leaves directories with somebody's files, plain files and links alone")
  func pruneKeepsForeignFiles() throws {
    try Self.withStore([1, 2, 3, 4]) { store throws in
      let note = store.url(step: 1).appending(path: "notes.txt")
      try Data("precious".utf8).write(to: note)
      try Data("mine".utf8).write(to: store.directory.appending(path: "step-00000000"))
      let elsewhere = store.directory.deletingLastPathComponent().appending(path: "elsewhere")
      try FileManager.default.moveItem(at: store.url(step: 2), to: elsewhere)
      try FileManager.default.createSymbolicLink(
        at: store.url(step: 2), withDestinationURL: elsewhere)
      #expect(try store.prune(keeping: 1).map(\.step) == [3])
      #expect(try String(contentsOf: note, encoding: .utf8) == "precious")
      let left = try FileManager.default.contentsOfDirectory(atPath: store.directory.path)
      #expect(left.contains("step-00000000") && left.contains("step-00000002"))
      #expect(FileManager.default.fileExists(atPath: elsewhere.path))
    }
  }

  @Test("pruning never removes the newest whole checkpoint")
  func pruneKeepsWhole() throws {
    try Self.withStore([1, 2, 3, 4]) { store throws in
      try Self.damage(store, step: 3)
      try Self.damage(store, step: 4)
      #expect(try store.prune(keeping: 1).map(\.step) == [1, 3])
      #expect(try store.list().map(\.step) == [2, 4])
      #expect(try store.prune(keeping: 0).map(\.step) == [4])
      #expect(try store.latestValid().item?.step == 2)
    }
  }

  @Test("a store whose writer was killed between renames finds the old checkpoint")
  func killedWhileReplacing() throws {
    try Self.withStore([1, 2]) { store throws in
      let aside = store.directory.appending(path: ".old-0123456789abcdef-step-00000002")
      try FileManager.default.moveItem(at: store.url(step: 2), to: aside)
      let latest = try store.latestValid()
      #expect(latest.item?.step == 2 && latest.damaged.isEmpty)
    }
  }

  @Test("half a checkpoint under its passing name is no checkpoint, and goes")
  func killedWhileWriting() throws {
    try Self.withStore([1]) { store throws in
      let half = store.directory.appending(path: ".tmp-0123456789abcdef-step-00000002")
      try FileManager.default.copyItem(at: store.url(step: 1), to: half)
      #expect(try store.latestValid().item?.step == 1)
      try writeCheckpoint(store, step: 3)
      #expect(try names(in: store.directory) == ["step-00000001", "step-00000003"])
    }
  }

  @Test("a body that fails leaves no checkpoint")
  func bodyFails() throws {
    try Self.withStore([1]) { store throws in
      #expect(throws: CheckpointsError.self) {
        try store.write(step: 2) { writer in
          try writer.writeTensors("model", [TensorSpec("w", shape: [4])]) { _ in counting([5]) }
        }
      }
      #expect(try names(in: store.directory) == ["step-00000001"])
    }
  }
}
