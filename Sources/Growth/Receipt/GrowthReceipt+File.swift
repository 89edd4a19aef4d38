// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Documents
import Foundation
import OrderedJSON
import Wording

extension GrowthReceipt {
  /// Receipts of large models have some megabytes.
  private static let largestFile = 256 << 20

  /// Reads the receipt of a grown directory and checks it.
  ///
  /// - Throws: ``GrowthError`` of code `unreadableReceipt` where there is none or it cannot be
  ///   understood, `unsupported` for another version's, `mismatch` where its parts do not fit.
  public init(reading directory: URL) throws {
    try self.init(contentsOf: directory.appending(path: Self.fileName))
  }

  /// Reads a receipt's file and checks it.
  ///
  /// - Throws: as ``init(reading:)``.
  public init(contentsOf file: URL) throws {
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: Self.largestFile) } catch {
      throw GrowthError(
        .unreadableReceipt,
        "\(error.message); expected the receipt that `espalier grow` writes", subject: path)
    }
    try self.init(data, file: path)
  }

  /// Reads a receipt and checks it.
  ///
  /// - Parameter file: the file's name, for errors.
  /// - Throws: as ``init(reading:)``.
  public init(_ data: Data, file: String = fileName) throws {
    do {
      let document = try Document(parsing: data)
      try document.check(version: Self.formatVersion...Self.formatVersion)
      self = try document.decode()
    } catch let error as DocumentError where error.code == .unsupportedVersion {
      throw GrowthError(.unsupported, error, subject: file)
    } catch let error as GrowthError {
      throw GrowthError(
        error.code, error.subject == file ? error.message : "\(error.subject): \(error.message)",
        subject: file)
    } catch let error as ArchitecturesError {
      throw GrowthError(.mismatch, "\(error.subject): \(error.message)", subject: file)
    } catch {
      // JSON of another form; durations are read by Training, which has errors of its own.
      throw GrowthError(
        .unreadableReceipt, "is no receipt of a growth: \(reason(of: error))", subject: file)
    }
  }

  /// The file's bytes: what fits a line stands on one.
  ///
  /// - Throws: ``GrowthError`` of code `invalidOptions` where a number is not finite.
  public func encoded() throws -> Data {
    do {
      return Data((FittedJSON.text(try Document(of: self).value.sorted()) + "\n").utf8)
    } catch {
      throw GrowthError(
        .invalidOptions, "cannot be written: \(reason(of: error))", subject: Self.fileName)
    }
  }
}

/// JSON laid out for people: a value that fits a line stands on one, a longer one is broken up.
enum FittedJSON {
  /// Columns of a line.
  private static let width = 100

  /// The text of a value.
  static func text(_ value: JSONValue, indentation: Int = 0) -> String {
    let line = String(decoding: value.encoded(.compact), as: UTF8.self)
    if indentation + line.utf8.count <= width { return line }
    let inner = String(repeating: " ", count: indentation + 2)
    let end = "\n" + String(repeating: " ", count: indentation)
    switch value {
    case .array(let elements):
      let lines = elements.map { inner + text($0, indentation: indentation + 2) }
      return "[\n" + lines.joined(separator: ",\n") + end + "]"
    case .object(let object):
      let lines = object.members.map { member in
        let key = String(decoding: JSONValue.string(member.key).encoded(.compact), as: UTF8.self)
        return "\(inner)\(key): \(text(member.value, indentation: indentation + 2))"
      }
      return "{\n" + lines.joined(separator: ",\n") + end + "}"
    default: return line
    }
  }
}
