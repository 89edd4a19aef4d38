// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// What went wrong with a tensor file, a manifest or a checkpoint directory.
///
/// Its subject is the file or tensor concerned.
public typealias CheckpointsError = ModuleError<CheckpointsErrorCode>

/// What to do where there is no room.
private let roomRemedy =
  "what was there before is untouched; free space, raise the quota or limit, or write to another disk"

/// The kinds of ``CheckpointsError``.
public enum CheckpointsErrorCode: String, Sendable {
  /// A safetensors header that breaks the format.
  case invalidHeader
  /// A `*.safetensors.index.json` that breaks the format, or shards that do not match it.
  case invalidIndex
  /// A `manifest.json` that breaks the format.
  case invalidManifest
  /// No tensor of that name.
  case missingTensor
  /// An element type that this library cannot load.
  case unsupportedType
  /// A tensor given to a writer that is not the one announced, or not all of it.
  case mismatchedTensor
  /// A file or directory that cannot be opened, read or listed.
  case unreadableFile
  /// A file or directory that cannot be written, synced, renamed or removed.
  case unwritableFile
  /// No room: the disk or the quota is full, or the file would pass the system's size limit.
  case outOfSpace
  /// A directory that another process is making, or the beginning of another one than asked for.
  case unfinishedWork
  /// Files that are missing, cut short or changed since their manifest was written.
  case damagedCheckpoint
}

extension CheckpointsError {
  /// A failed system call on a file that was being read.
  static func reading(_ url: URL, _ what: String, errno code: Int32) -> CheckpointsError {
    CheckpointsError(
      .unreadableFile, "cannot \(what): \(systemReason(code))", subject: url.path)
  }

  /// A failed system call on a file that was being written; a full disk gets its own code.
  ///
  /// - Parameter detail: how many bytes were wanted and written, where that is known.
  static func writing(
    _ url: URL, _ what: String, errno code: Int32, detail: String = ""
  ) -> CheckpointsError {
    let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
    return CheckpointsError(
      isFull ? .outOfSpace : .unwritableFile, "cannot \(what): \(systemReason(code))\(detail)",
      subject: url.path, remedy: isFull ? roomRemedy : nil)
  }
}
