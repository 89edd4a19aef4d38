// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why something failed, in words for people: what the system says of a file, where a JSON file
/// breaks its form, or what one of this package's errors says of itself.
///
/// Foundation's own descriptions name domains, codes and dictionaries; none of them comes out of
/// here.
package func reason(of error: any Error) -> String {
  switch error {
  case let error as DecodingError: return decodingReason(error)
  case EncodingError.invalidValue(let value, let context):
    return "\(path(context.codingPath))\("\(value)".excerpt) cannot be written"
  case let error as POSIXError: return systemReason(error.code.rawValue)
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

private func decodingReason(_ error: DecodingError) -> String {
  switch error {
  case .keyNotFound(let key, let context):
    return "\(path(context.codingPath + [key]))this key is missing"
  case .valueNotFound(let type, let context):
    return "\(path(context.codingPath))there is no value; expected \(name(of: type))"
  case .typeMismatch(let type, let context):
    return "\(path(context.codingPath))expected \(name(of: type))"
  case .dataCorrupted(let context):
    return path(context.codingPath) + corruptionReason(context)
  @unknown default: return "the contents are not of the expected form"
  }
}

/// What a type's own decoding said, or where a text stops being JSON.
private func corruptionReason(_ context: DecodingError.Context) -> String {
  guard let cause = context.underlyingError else {
    let isSyntax = context.debugDescription.contains("not valid JSON")
    // Swift's own enumerations: Cannot initialize NormKind from invalid String value batch.
    if let value = context.debugDescription.firstMatch(
      of: /^Cannot initialize \S+ from invalid \S+ value (.*)$/)
    {
      return "“\(String(value.output.1).excerpt)” is none of the words that are possible here"
    }
    // Foundation says the same of `1.5` and of 2⁶³ where a whole number belongs.
    return isSyntax
      ? "not JSON, or a number in it is not whole or too large" : context.debugDescription.excerpt
  }
  if cause is DecodingError { return reason(of: cause) }
  let details = (cause as NSError).userInfo["NSDebugDescription"] as? String
  return details.map { "not JSON: \($0.excerpt)" }
    ?? "not JSON, or a number in it is not whole or too large"
}

private func path(_ keys: [any CodingKey]) -> String {
  guard !keys.isEmpty else { return "" }
  let text = keys.reduce(into: "") { text, key in
    if let index = key.intValue {
      text += "[\(index)]"
    } else {
      text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
    }
  }
  return "\(text.excerpt): "
}

/// A Swift type as a file's format calls it.
private func name(of type: any Any.Type) -> String {
  switch type {
  case is String.Type: "text"
  case is Bool.Type: "true or false"
  case is any BinaryInteger.Type: "an integer"
  case is any BinaryFloatingPoint.Type: "a number"
  case is any Collection.Type:
    "\(type)".hasPrefix("Dictionary") ? "an object" : "a list"
  default: "an object"
  }
}
