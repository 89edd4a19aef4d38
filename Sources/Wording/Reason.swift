// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why something failed, in words for people: what the system says of a file, or what one of this
/// package's errors says of itself.
///
/// Foundation's own descriptions name domains, codes and dictionaries; none of them comes out of
/// here.
package func reason(of error: any Error) -> String {
  switch error {
  case let error as POSIXError: return systemReason(error.code.rawValue)
  case is DecodingError, is EncodingError: return "the contents are not of the expected form"
  default:
    guard let error = foundationError(error) else { return "\(error)" }
    return foundationReason(error)
  }
}

/// What an error number of the system means: `no space left on device`.
///
/// In the system's own words, but for those that only programmers know.
package func systemReason(_ code: Int32) -> String {
  switch code {
  case ENOTDIR: return "a part of the path is a file, not a directory"
  case ELOOP: return "its symbolic links lead in a circle"
  case ENAMETOOLONG: return "the name is longer than names can be here"
  case EMFILE, ENFILE: return "too many files are open; raise the limit (`ulimit -n`)"
  case EXDEV: return "it lies on another disk"
  default:
    let text = String(cString: strerror(code))
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}

/// The error as one of Foundation's; nil for an error of Swift's, which describes itself.
private func foundationError(_ error: any Error) -> NSError? {
  if let error = error as? CocoaError { return error as NSError }
  return type(of: error) is NSError.Type ? error as NSError : nil
}

private func foundationReason(_ error: NSError) -> String {
  if error.domain == NSPOSIXErrorDomain { return systemReason(Int32(clamping: error.code)) }
  if let cause = error.userInfo[NSUnderlyingErrorKey] as? any Error { return reason(of: cause) }
  guard error.domain == NSCocoaErrorDomain else { return "error \(error.code) of the system" }
  return cocoaReason(CocoaError.Code(rawValue: error.code))
}

/// Foundation's codes for files, where it kept no error number.
private func cocoaReason(_ code: CocoaError.Code) -> String {
  switch code {
  case .fileNoSuchFile, .fileReadNoSuchFile: systemReason(ENOENT)
  case .fileReadNoPermission, .fileWriteNoPermission: systemReason(EACCES)
  case .fileWriteFileExists: systemReason(EEXIST)
  case .fileWriteOutOfSpace: systemReason(ENOSPC)
  case .fileWriteVolumeReadOnly: systemReason(EROFS)
  case .fileReadInvalidFileName, .fileWriteInvalidFileName: "the name is none that a file can have"
  case .fileReadTooLarge: "the file is too large"
  case .fileReadCorruptFile, .propertyListReadCorrupt, .coderReadCorrupt:
    "the contents are not of the expected form"
  default: "input or output failed"
  }
}
