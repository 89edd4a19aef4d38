// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Decodes a small JSON file; one of more than 256 MB is refused unread.
func decodeJSON<Value: Decodable>(
  _ type: Value.Type, from url: URL, failure code: CheckpointsError.Code
) throws -> Value {
  let data = try smallFile(url, failure: code)
  do {
    return try JSONDecoder().decode(type, from: data)
  } catch let error as DecodingError {
    throw CheckpointsError(
      code, "is not what was expected: \(reason(of: error))", subject: url.path)
  }
}

/// The contents of a file; one of more than 256 MB is refused unread.
func smallFile(_ url: URL, failure code: CheckpointsError.Code) throws -> Data {
  let descriptor = try FileDescriptor(url, O_RDONLY | O_NONBLOCK)
  var information = stat()
  guard fstat(descriptor.number, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
    information.st_size <= 256 << 20
  else {
    throw CheckpointsError(code, "is not a regular file of at most 256 MB", subject: url.path)
  }
  do {
    return try Data(contentsOf: url)
  } catch {
    throw CheckpointsError(
      .unreadableFile, "cannot read: \(reason(of: error))", subject: url.path)
  }
}

/// Whether a name that a file gives can only mean a file in the same directory.
func isPlainFileName(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(0)
    && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(UInt8(ascii: "\\"))
}
