// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing
import Training

@Suite("Where a model lies") struct ModelLocationTests {
  private func write(_ url: URL) throws {
    try CheckpointDirectory.write(to: url) { try $0.write(Data("{}".utf8), to: "config.json") }
  }

  @Test("a directory with a model is itself, and is compared with its manifest")
  func directory() throws {
    try withTemporaryFolder { folder in
      let model = folder.appending(path: "model")
      try write(model)
      let location = try ModelLocation(of: model)
      #expect(location.url.path == model.path && location.hasManifest)
      try Data("{ }".utf8).write(to: model.appending(path: "config.json"))
      let error = #expect(throws: CheckpointsError.self) { try ModelLocation(of: model) }
      #expect(error?.code == .damagedCheckpoint)
      try FileManager.default.removeItem(at: model.appending(path: "manifest.json"))
      #expect(try !ModelLocation(of: model).hasManifest)
    }
  }

  @Test("another program's manifest says nothing about the files")
  func foreignManifest() throws {
    try withTemporaryFolder { folder in
      let files = ["config.json": "{}", "manifest.json": #"{"files": [], "version": 3}"#]
      for (name, text) in files {
        try Data(text.utf8).write(to: folder.appending(path: name))
      }
      #expect(try !ModelLocation(of: folder).hasManifest)
      // One that was cut short may be ours, and what it listed may be damaged too.
      try Data(#"{"files": ["#.utf8).write(to: folder.appending(path: "manifest.json"))
      let error = #expect(throws: CheckpointsError.self) { try ModelLocation(of: folder) }
      #expect(error?.code == .damagedCheckpoint)
    }
  }

  @Test("of a run it is the newest checkpoint that is whole")
  func run() throws {
    try withTemporaryFolder { folder in
      let store = CheckpointStore(folder.appending(path: "checkpoints"))
      for step in [5, 20, 100] { try write(store.url(step: step)) }
      #expect(try ModelLocation(of: folder).url.lastPathComponent == "step-00000100")
      #expect(try ModelLocation(of: folder).passedOver.isEmpty)
      let newest = store.url(step: 100).appending(path: "config.json")
      try Data("[]".utf8).write(to: newest)
      // The same one, however closely a directory that is named itself would be looked at.
      for level in [VerificationLevel.checksums, .sizes] {
        for place in [folder, folder.appending(path: "checkpoints")] {
          let location = try ModelLocation(of: place, verifying: level)
          #expect(location.url.lastPathComponent == "step-00000020" && location.isVerified)
          #expect(location.passedOver.map(\.checkpoint) == [store.url(step: 100).path])
          #expect(location.passedOver.first?.problems.count == 1)
        }
      }
      for step in [5, 20, 100] {
        try Data().write(to: store.url(step: step).appending(path: "config.json"))
      }
      expectMissing(folder, "holds no whole checkpoint", "config.json")
    }
  }

  @Test("a damaged checkpoint that is named itself is refused, and the whole one beside it named")
  func named() throws {
    try withTemporaryFolder { folder in
      let store = CheckpointStore(folder.appending(path: "checkpoints"))
      for step in [5, 20] { try write(store.url(step: step)) }
      try Data("[]".utf8).write(to: store.url(step: 20).appending(path: "config.json"))
      let error = #expect(throws: CheckpointsError.self) {
        try ModelLocation(of: store.url(step: 20))
      }
      #expect(error?.code == .damagedCheckpoint)
      #expect(error?.message.hasSuffix("checkpoint beside it is step-00000005") == true)
    }
  }

  @Test(
    "a checkpoint without its config.json, or with a manifest that lost its version, is damaged")
  func lostFiles() throws {
    try withTemporaryFolder { folder in
      let model = folder.appending(path: "model")
      try CheckpointDirectory.write(to: model) {
        try $0.write(Data("{}".utf8), to: "config.json")
        try $0.write(Data("{}".utf8), to: "training_state.json")
      }
      let manifest = model.appending(path: "manifest.json")
      let text = try String(contentsOf: manifest, encoding: .utf8)
      try Data(text.replacing("format_version", with: "gormat_version").utf8).write(to: manifest)
      var error = #expect(throws: CheckpointsError.self) { try ModelLocation(of: model) }
      #expect(error?.code == .damagedCheckpoint)
      try Data(text.utf8).write(to: manifest)
      #expect(try ModelLocation(of: model).hasManifest)
      try FileManager.default.removeItem(at: model.appending(path: "config.json"))
      error = #expect(throws: CheckpointsError.self) { try ModelLocation(of: model) }
      #expect(error?.message.contains("config.json is missing") == true)
    }
  }

  @Test("a dead link of a cache and a file are told apart from nothing")
  func deadLinks() throws {
    try withTemporaryFolder { folder in
      let snapshot = folder.appending(path: "snapshot")
      try FileManager.default.createDirectory(at: snapshot, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: snapshot.appending(path: "config.json").path,
        withDestinationPath: "../../blobs/0a")
      expectMissing(snapshot, "a link to ../../blobs/0a", "not there", "cp -rL")
      let link = folder.appending(path: "link")
      try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "gone")
      expectMissing(link, "a link to gone")
      let file = folder.appending(path: "tiny.gguf")
      try Data("GGUF".utf8).write(to: file)
      expectMissing(file, "is a file", "Give the directory")
    }
  }

  @Test("what is neither is refused with what was expected")
  func missing() throws {
    try withTemporaryFolder { folder in
      expectMissing(folder, "holds no config.json; expected a checkpoint")
      expectMissing(folder.appending(path: "gone"), "does not exist")
    }
  }

  private func expectMissing(_ url: URL, _ words: String...) {
    let error = #expect(throws: TrainingError.self) { try ModelLocation(of: url) }
    #expect(error?.code == .missingModel)
    #expect(error?.subject.contains(url.lastPathComponent) == true)
    for word in words { #expect(error?.message.contains(word) == true, "\(word)") }
  }
}
