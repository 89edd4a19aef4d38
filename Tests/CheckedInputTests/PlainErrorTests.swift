// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Testing

@Suite("Foundation's errors in words")
struct PlainErrorTests {
  private struct Sample: Decodable {
    struct Part: Decodable { var loss: Double }
    var steps: Int
    var name: String
    var parts: [Part]
  }

  @Test(
    "what JSON lacks is named by its place",
    arguments: [
      ("{", "it is not JSON, or a number in it is not whole or too large"),
      ("{}", "steps is missing"),
      (#"{"steps": "x", "name": "", "parts": []}"#, "steps is no whole number"),
      (#"{"steps": 1, "name": null, "parts": []}"#, "name is null; expected text"),
      (#"{"steps": 1, "name": "", "parts": [{"loss": 1}, {}]}"#, "parts[1].loss is missing"),
      (#"{"steps": 1, "name": "", "parts": {}}"#, "parts is no list"),
      (
        #"{"steps": 1.5, "name": "", "parts": []}"#,
        "it is not JSON, or a number in it is not whole or too large"
      ),
    ])
  func decoding(json: String, text: String) throws {
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Sample.self, from: Data(json.utf8))
    }
    #expect(PlainError.text(of: try #require(error)) == text)
  }

  @Test("the system's reasons are its own words, without Foundation's")
  func system() {
    var texts: [String] = []
    for body: () throws -> Void in [
      { _ = try Data(contentsOf: URL(filePath: "/nowhere/at/all")) },
      { try Data().write(to: URL(filePath: "/nowhere/at/all")) },
      {
        try FileManager.default.createDirectory(
          at: URL(filePath: "/proc/x"), withIntermediateDirectories: false)
      },
    ] {
      do { try body() } catch { texts.append(PlainError.text(of: error)) }
    }
    #expect(texts.count == 3)
    for text in texts {
      #expect(!text.contains("Domain") && !text.contains("Error") && !text.isEmpty, "\(text)")
    }
    #expect(PlainError.text(of: POSIXError(.ENOSPC)) == "No space left on device")
  }
}
