// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Testing

#if compiler(>=6.2) && (os(Linux) || os(macOS))
  @Suite("Killed writers") struct KilledWriterTests {
    /// The folder that a test process and the process it starts agree on without a word.
    static func folder(ofProcess process: pid_t) -> URL {
      FileManager.default.temporaryDirectory.appending(path: "killed-writers-\(process)")
    }

    /// Ends this process after a random time, or as soon as a directory is seen set aside, which
    /// is between the two renames of a replacement or right after them.
    static func killSoon(_ folder: URL) {
      let waitsForReplacement = Bool.random()
      Thread.detachNewThread {
        if waitsForReplacement {
          while !sees(".old-", in: folder) {}
        } else {
          Thread.sleep(forTimeInterval: .random(in: 0...0.5))
        }
        kill(getpid(), SIGKILL)
      }
    }

    static func sees(_ prefix: String, in folder: URL) -> Bool {
      ((try? names(in: folder)) ?? []).contains { $0.hasPrefix(prefix) }
    }

    /// Writes, replaces and prunes checkpoints until this process is killed.
    static func writeUntilKilled(_ store: CheckpointStore) throws {
      killSoon(store.directory)
      var step = try store.list().last?.step ?? 0
      while true {
        for _ in 0..<2 {
          try store.write(step: step) { writer in
            try writer.writeTensors(
              "model", (0..<2).map { TensorSpec("w\($0)", shape: [1000]) },
              maximumShardByteCount: 5000
            ) { counting($0.shape, from: Float(step)) }
          }
        }
        try store.prune(keeping: 2)
        step += 1
      }
    }

    @Test("SIGKILL at random moments: what can be found is whole, and the next writer cleans up")
    func killed() async throws {
      let store = CheckpointStore(Self.folder(ofProcess: getpid()))
      defer { try? FileManager.default.removeItem(at: store.directory) }
      try writeCheckpoint(store, step: 0)
      var newestStep = 0
      for _ in 0..<12 {
        await #expect(processExitsWith: .signal(SIGKILL)) {
          try Self.writeUntilKilled(CheckpointStore(Self.folder(ofProcess: getppid())))
        }
        let latest = try store.latestValid()
        let step = try #require(latest.item).step
        #expect(step >= newestStep)
        newestStep = step
        #expect(latest.damaged.isEmpty)
        AtomicDirectory.recover(in: store.directory)
        let left = try names(in: store.directory)
        #expect(left.allSatisfy { $0.hasPrefix("step-") })
        for item in try store.list() { try CheckpointDirectory.verify(item.url) }
      }
    }
  }
#endif
