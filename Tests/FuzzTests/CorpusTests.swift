// SPDX-License-Identifier: Apache-2.0
import Foundation
import FuzzTargets
import Testing

/// Inputs that were found by fuzzing, or from which it starts, read again.
@Suite("Fuzzing's corpus") struct CorpusTests {
  /// Files of one reader's folder, by name.
  private static func files(_ target: FuzzTarget, in kind: String) throws -> [URL] {
    let folder = try #require(Bundle.module.resourceURL)
      .appending(path: "Corpus/\(kind)/\(target.name)", directoryHint: .isDirectory)
    return try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).sorted { $0.lastPathComponent < $1.lastPathComponent }
  }

  @Test("every seed is read", arguments: FuzzTarget.all.map(\.name))
  func seeds(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let files = try Self.files(target, in: "seeds")
    #expect(!files.isEmpty)
    for file in files {
      guard case .refused(let error) = target.run(try Data(contentsOf: file)) else { continue }
      Issue.record("\(file.lastPathComponent): \(error)")
    }
  }

  /// A trap ends the test run, which tells of it as loudly as can be.
  @Test("every finding is refused or read without a trap", arguments: FuzzTarget.all.map(\.name))
  func findings(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    for file in (try? Self.files(target, in: "findings")) ?? [] {
      let outcome = target.run(try Data(contentsOf: file))
      if case .refused(let error) = outcome {
        #expect(!"\(error)".contains("NSCocoaErrorDomain"))
      }
    }
  }
}
