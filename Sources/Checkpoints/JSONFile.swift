// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents
import Foundation
import Wording

/// Decodes a small JSON file; one of more than 256 MB is refused unread.
func decodeJSON<Value: Decodable>(
  _ type: Value.Type, from url: URL, failure code: CheckpointsError.Code
) throws -> Value {
  let data = try smallFile(url, failure: code)
  do {
    return try Document(parsing: data).decode(type)
  } catch {
    throw CheckpointsError(code, "is not what was expected", subject: url.path, cause: error)
  }
}

/// The contents of a file; one of more than 256 MB is refused unread.
func smallFile(_ url: URL, failure code: CheckpointsError.Code) throws -> Data {
  do {
    return try RegularFile.contents(of: url.path, atMost: 256 << 20)
  } catch {
    let isOther = error.code == .notRegular || error.code == .tooLarge
    throw CheckpointsError(
      isOther ? code : .unreadableFile, error.message, subject: url.path)
  }
}

/// The path of a file in the same directory or below it, without steps that lead nowhere; nil for one
/// that leads out.
func pathBelow(_ path: String) -> String? {
  let parts = path.split(separator: "/", omittingEmptySubsequences: false).filter { $0 != "." }
  guard !parts.isEmpty, parts.allSatisfy({ isPlainFileName(String($0)) }) else { return nil }
  return parts.joined(separator: "/")
}

/// Whether a name that a file gives can only mean a file in the same directory.
func isPlainFileName(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(0)
    && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(UInt8(ascii: "\\"))
}
