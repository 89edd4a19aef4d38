// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import Tensors
import Testing
import Training
import XLAEngine

/// Compiled programs on the disk.
@Suite("Executables on disk") struct ExecutableFolderTests {
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "executables-\(UUID().uuidString)").path

  private func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }

  @Test("What was stored comes back, and what is damaged does not")
  func damage() throws {
    let folder = ExecutableFolder(path: path)
    #expect(folder.bytes(of: "a") == nil)
    let bytes = Data((0..<1000).map { UInt8($0 % 251) })
    folder.store(bytes, "a")
    #expect(folder.bytes(of: "a") == bytes && folder.bytes(of: "b") == nil)
    let file = URL(filePath: path).appending(path: try #require(try files().first))
    let whole = try Data(contentsOf: file)
    for length in stride(from: 0, to: whole.count, by: 37) {
      try whole.prefix(length).write(to: file)
      #expect(folder.bytes(of: "a") == nil, "\(length) bytes")
      // It is gone, so that the next process does not read it again.
      #expect(try files().isEmpty)
    }
    for index in stride(from: 0, to: whole.count, by: 37) {
      var damaged = whole
      damaged[index] ^= 4
      try damaged.write(to: file)
      #expect(folder.bytes(of: "a") == nil, "byte \(index)")
    }
    try whole.write(to: file)
    #expect(folder.bytes(of: "a") == bytes)
  }

  @Test("The files that were not used for longest make room")
  func limit() throws {
    let folder = ExecutableFolder(path: path, byteLimit: 3500)
    let bytes = Data(repeating: 7, count: 1000)
    for (age, key) in ["a", "b", "c"].enumerated() {
      folder.store(bytes, key)
      let date = Date(timeIntervalSinceNow: Double(age - 100))
      try FileManager.default.setAttributes(
        [.modificationDate: date], ofItemAtPath: path + "/\(key).xla")
    }
    #expect(folder.bytes(of: "a") == bytes)
    folder.store(bytes, "d")
    #expect(try files() == ["a.xla", "c.xla", "d.xla"])
    folder.store(Data(repeating: 7, count: 3600), "e")
    #expect(try files() == ["a.xla", "c.xla", "d.xla"])
  }

  @Test("A folder that others can write to is not used, nor is a file in its place")
  func foreign() throws {
    let folder = ExecutableFolder(path: path)
    folder.store(Data([1, 2, 3]), "a")
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
    #expect(folder.bytes(of: "a") == nil)
    folder.store(Data([1, 2, 3]), "b")
    #expect(try files() == ["a.xla"])
    let file = path + "-file"
    try Data().write(to: URL(filePath: file))
    ExecutableFolder(path: file).store(Data([1]), "a")
    #expect(ExecutableFolder(path: file).bytes(of: "a") == nil)
  }

  @Test("Many at once read nothing but what one of them stored")
  func together() {
    let folder = ExecutableFolder(path: path)
    let contents = (0..<8).map { Data(repeating: UInt8($0), count: 50_000 + $0) }
    DispatchQueue.concurrentPerform(iterations: 64) { index in
      folder.store(contents[index % 8], "a")
      // Another's file may be between two names; it is never half a file.
      if let found = folder.bytes(of: "a") { #expect(contents.contains(found)) }
    }
    #expect(folder.bytes(of: "a") != nil)
  }

  @Test("The folder is the user's, the one that is named, or none")
  func usual() {
    func path(_ environment: [String: String]) -> String? {
      ExecutableFolder.usual(environment: environment, home: "/home/me")?.path
    }
    #expect(path(["ESPALIER_EXECUTABLES": "off"]) == nil)
    #expect(path(["ESPALIER_EXECUTABLES": "/mine"]) == "/mine")
    #if os(Linux)
      #expect(path([:]) == "/home/me/.cache/espalier/executables")
      #expect(path(["XDG_CACHE_HOME": "/c"]) == "/c/espalier/executables")
      #expect(path(["XDG_CACHE_HOME": "c"]) == "/home/me/.cache/espalier/executables")
    #endif
  }

  /// Losses and final parameters of three steps, and how its programs were readied.
  private func train(_ folder: ExecutableFolder) throws -> (numbers: [Float], [Compilation]) {
    let engine = try XLATrainingEngine(
      plugin: try #require(InstalledPlugin.path), executables: folder)
    let golden = GoldenModel.all[0]
    let program = try golden.program()
    let session = try engine.makeSession(
      for: program, parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: .bf16)
    var numbers: [Float] = []
    for step in 1...3 {
      let batch = try golden.batch(step)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 1, step: UInt64(step), microBatch: 0))
      numbers.append(Float(loss.total))
      let updates = program.parameters.map {
        AdamWUpdate(
          learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8,
          weightDecay: $0.decays ? 0.1 : 0, stepCount: step)
      }
      numbers.append(Float(try session.update(updates.map { .adamW($0) }, clip: 1)))
    }
    numbers += try session.parameters().flatMap { $0.value.floats }
    return (numbers, engine.compilations)
  }

  @Test(
    "What was prepared on another thread is not compiled again",
    .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
  func prepared() async throws {
    let engine = try XLATrainingEngine(
      plugin: try #require(InstalledPlugin.path), executables: ExecutableFolder(path: path))
    let golden = GoldenModel.all[0]
    let (program, batch) = (try golden.program(), try golden.batch(1))
    let updates = program.parameters.map { _ in
      AdamWUpdate(
        learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, stepCount: 1)
    }
    let extents = TrainingPreparation.BatchExtents(
      sequenceCount: batch.sequenceCount, sequenceLength: batch.sequenceLength)
    let preparation = TrainingPreparation(
      program: program, precision: .fp32, microBatches: [extents, extents], scored: [extents],
      updates: updates.map { .adamW($0) })
    try await Task.detached { try engine.prepare(preparation) }.value
    let names = engine.compilations.map(\.name)
    #expect(names.sorted() == ["gradients", "gradients", "scores", "update"])
    let session = try engine.makeSession(
      for: program, parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: .fp32)
    _ = try session.loss(of: batch)
    for microBatch in 0..<2 {
      let key = DropoutKey(seed: 1, step: 0, microBatch: UInt32(microBatch))
      _ = try session.accumulateGradients(
        of: batch, normalizer: 2 * batch.targetCount, dropoutKey: key)
    }
    _ = try session.update(updates.map { .adamW($0) }, clip: 1)
    #expect(engine.compilations.map(\.name) == names)
  }

  @Test(
    "A second start compiles nothing, and computes the same bits",
    .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
  func secondStart() throws {
    // Folders of other limits are others to this process: nothing is shared but the files.
    let limit = ExecutableFolder.usualByteLimit
    let (first, compiled) = try train(ExecutableFolder(path: path, byteLimit: limit))
    #expect(compiled.map(\.name) == ["gradients", "update"])
    #expect(compiled.allSatisfy { $0.source == .compiler && $0.seconds > 0 })
    let (second, loaded) = try train(ExecutableFolder(path: path, byteLimit: limit + 1))
    #expect(loaded.map(\.source) == [.disk, .disk])
    #expect(second == first)
    // A damaged file is one that is not there.
    for name in try files() {
      let url = URL(filePath: path).appending(path: name)
      var data = try Data(contentsOf: url)
      data[data.count / 2] ^= 1
      try data.write(to: url)
    }
    let (third, again) = try train(ExecutableFolder(path: path, byteLimit: limit + 2))
    #expect(again.map(\.source) == [.compiler, .compiler])
    #expect(third == first)
    let (_, last) = try train(ExecutableFolder(path: path, byteLimit: limit + 3))
    #expect(last.map(\.source) == [.disk, .disk])
  }
}
