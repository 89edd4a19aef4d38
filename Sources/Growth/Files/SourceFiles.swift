// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Synchronization

/// The files of a model that is grown, with their checksums, which are computed when first asked for.
final class SourceFiles: Sendable {
  private let url: URL
  private let weights: [String]
  private let hasManifest: Bool
  private let state: Mutex<State>

  private struct State {
    var digests: [String: FileDigest]?
    var isVerified: Bool
  }

  /// - Parameters:
  ///   - weights: names of the files with the weights.
  ///   - hasManifest: whether a manifest lists all files.
  ///   - isVerified: whether the files' checksums have been compared with it.
  init(_ url: URL, weights: [String], hasManifest: Bool, isVerified: Bool) {
    self.url = url
    self.weights = weights
    self.hasManifest = hasManifest
    state = Mutex(State(isVerified: isVerified))
  }

  /// The digests of the files that hold tensors, compared with the manifest where there is one.
  ///
  /// - Throws: ``CheckpointsError`` of code `damagedCheckpoint` or `unreadableFile`.
  func digests() throws -> [String: FileDigest] {
    try state.withLock { state in
      if !state.isVerified, hasManifest {
        try CheckpointDirectory.verify(url)
        state.isVerified = true
      }
      if let digests = state.digests { return digests }
      var digests: [String: FileDigest] = [:]
      if hasManifest {
        digests = try Manifest(reading: url).files.filter { $0.key.hasSuffix(".safetensors") }
      } else {
        for name in weights { digests[name] = try FileDigest(of: url.appending(path: name)) }
      }
      state.digests = digests
      return digests
    }
  }

  /// The hash where it takes no reading of the weights; nil elsewhere.
  func quickHash() throws -> String? {
    hasManifest ? try FileDigest(of: url.appending(path: Manifest.fileName)).sha256 : nil
  }

  /// The hash of the whole source.
  func hash() throws -> String {
    if let hash = try quickHash() { return hash }
    let digests = try digests()
    let lines = weights.map { "\(digests[$0]?.sha256 ?? "")  \($0)\n" }
    return FileDigest(of: Data(lines.joined().utf8)).sha256
  }

  /// What tells these files from others without reading them: names, sizes and times of change.
  func marks() -> [String] {
    weights.map { name in
      let file = url.appending(path: name).resolvingSymlinksInPath()
      let path = file.path(percentEncoded: false)
      // One that is gone is found by whoever reads it.
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSinceReferenceDate ?? 0
      let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
      return "\(name) \(size) \(time)"
    }
  }
}

/// Work on a thread of its own, whose result is waited for at the end.
final class BackgroundWork<Result: Sendable>: Sendable {
  private let result = Mutex<Swift.Result<Result, any Error>?>(nil)
  private let done = DispatchSemaphore(value: 0)

  /// Begins.
  init(_ body: @escaping @Sendable () throws -> Result) {
    let thread = Thread { [self] in
      let outcome = Swift.Result { try body() }
      result.withLock { $0 = outcome }
      done.signal()
    }
    thread.stackSize = 2 << 20
    thread.start()
  }

  /// Whether the work has ended, after a wait of so many milliseconds at most.
  func isDone(within milliseconds: Int) -> Bool {
    guard done.wait(timeout: .now() + .milliseconds(milliseconds)) == .success else { return false }
    done.signal()
    return true
  }

  /// The result, once there is one.
  func value() throws -> Result {
    done.wait()
    done.signal()
    guard let outcome = result.withLock({ $0 }) else {
      throw GrowthError(.mismatch, "ended without a result", subject: "background work")
    }
    return try outcome.get()
  }
}
