// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Lines of JSON, each an object with a string `text`.
package enum JSONLines {
  private struct Document: Decodable { var text: String }

  /// Calls `body` with the number and the text, or the fault, of every line that is not blank.
  package static func forEach(
    in bytes: [UInt8], firstLine: Int, _ body: (Int, Result<String, TextError>) throws -> Void
  ) throws {
    let decoder = JSONDecoder()
    var number = firstLine
    var start = bytes.starts(with: [0xef, 0xbb, 0xbf]) && firstLine == 1 ? 3 : 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      let line = bytes[start..<end]
      if !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) {
        try body(number, text(of: line, decoder: decoder))
      }
      number += 1
      start = end + 1
    }
  }

  private static func text(
    of line: ArraySlice<UInt8>, decoder: JSONDecoder
  ) -> Result<String, TextError> {
    do {
      return .success(try decoder.decode(Document.self, from: Data(line)).text)
    } catch let DecodingError.typeMismatch(_, context) where context.codingPath.isEmpty {
      return .failure(fault("is JSON, but not an object"))
    } catch DecodingError.typeMismatch, DecodingError.valueNotFound {
      return .failure(fault("has a \"text\" that is not a string"))
    } catch DecodingError.keyNotFound {
      return .failure(fault("has no \"text\""))
    } catch {
      return .failure(fault("is not JSON"))
    }
  }

  private static func fault(_ what: String) -> TextError {
    TextError(
      .unreadableInput,
      "\(what); expected an object such as {\"text\": \"…\"}. Correct the line, or skip bad lines",
      subject: "line")
  }
}
