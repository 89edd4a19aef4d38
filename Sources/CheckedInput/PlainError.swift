// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What Foundation's errors say, in words for users.
package enum PlainError {
  /// What went wrong, without a file's name: it stands before the text already.
  package static func text(of error: any Error) -> String {
    switch error {
    case let error as DecodingError: text(of: error)
    case let error as EncodingError: text(of: error)
    case let error as POSIXError: String(cString: strerror(error.code.rawValue))
    default: isFoundations(error) ? system(error) : "\(error)"
    }
  }

  private static func isFoundations(_ error: any Error) -> Bool {
    error is CocoaError || error is URLError || type(of: error) == NSError.self
  }

  /// The system's words for the error number at the bottom; else the kind of failure.
  private static func system(_ error: any Error) -> String {
    let bottom = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
    if bottom.domain == NSPOSIXErrorDomain, let number = Int32(exactly: bottom.code) {
      return String(cString: strerror(number))
    }
    switch (error as? CocoaError)?.code {
    case .fileNoSuchFile?, .fileReadNoSuchFile?: return "No such file or directory"
    case .fileReadNoPermission?, .fileWriteNoPermission?: return "Permission denied"
    case .fileWriteOutOfSpace?: return "No space left on device"
    case .fileWriteVolumeReadOnly?: return "Read-only file system"
    case .fileWriteFileExists?: return "File exists"
    case .fileReadInapplicableStringEncoding?, .fileReadCorruptFile?: return "it is not UTF-8 text"
    default: return "the system gave no reason"
    }
  }

  /// `steps: expected a whole number`, `stages[2].loss is missing`.
  private static func text(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      return "\(path(context.codingPath + [key])) is missing"
    case .valueNotFound(let type, let context):
      return "\(path(context.codingPath)) is null; expected \(name(type))"
    case .typeMismatch(let type, let context):
      return "\(path(context.codingPath)) is no \(name(type, withArticle: false))"
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      // Foundation says the same of `1.5` where a whole number belongs.
      return "it is not JSON, or a number in it is not whole or too large"
    case .dataCorrupted(let context):
      return "\(path(context.codingPath)): \(reason(context))"
    @unknown default: return "it has another form"
    }
  }

  /// Foundation's own reasons speak of Swift's types, ours begin in lower case or with a quote.
  private static func reason(_ context: DecodingError.Context) -> String {
    let text = context.debugDescription
    return text.first?.isUppercase == true || text.isEmpty ? "its value does not fit" : text
  }

  private static func text(of error: EncodingError) -> String {
    guard case .invalidValue(let value, let context) = error else { return "it cannot be written" }
    return "\(path(context.codingPath)) is \(value), which JSON cannot hold"
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    var path = ""
    for key in keys {
      if let index = key.intValue {
        path += "[\(index)]"
      } else {
        path += path.isEmpty ? key.stringValue : ".\(key.stringValue)"
      }
    }
    return path.isEmpty ? "it" : path
  }

  private static func name(_ type: Any.Type, withArticle: Bool = true) -> String {
    let name =
      switch type {
      case is any BinaryInteger.Type: "whole number"
      case is any BinaryFloatingPoint.Type: "number"
      case is String.Type: "text"
      case is Bool.Type: "true or false"
      case is any ExpressibleByDictionaryLiteral.Type: "object"
      case is any ExpressibleByArrayLiteral.Type: "list"
      default: "object"
      }
    guard withArticle, name != "text", name != "true or false" else { return name }
    return (name == "object" ? "an " : "a ") + name
  }
}
