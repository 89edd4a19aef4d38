// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing

@Suite("Small files with a checksum of their own") struct SealedJSONTests {
  private let plain = Data("{\n  \"a\" : 1,\n  \"b\" : \"text\"\n}".utf8)

  @Test("a sealed file is JSON with one key more, and intact")
  func sealed() throws {
    let file = SealedJSON.sealed(plain)
    let object = try JSONSerialization.jsonObject(with: file) as? [String: Any]
    #expect(object?.keys.sorted() == ["a", "b", "checksum"])
    #expect(object?["checksum"] as? String == FileDigest(of: plain).sha256)
    #expect(SealedJSON.isIntact(file))
    // As a file of before, which had none.
    #expect(SealedJSON.isIntact(plain))
  }

  @Test("every flipped bit is found, in the checksum's own line too")
  func flipped() {
    let file = SealedJSON.sealed(plain)
    for index in file.indices {
      for bit in 0..<8 {
        var damaged = file
        damaged[index] ^= 1 << UInt8(bit)
        // Where it is no JSON any more, its reader says so.
        let isJSON = (try? JSONSerialization.jsonObject(with: damaged)) != nil
        #expect(!isJSON || !SealedJSON.isIntact(damaged), "byte \(index), bit \(bit)")
      }
    }
  }

  @Test("lines that an editor changed are found, and a checksum that was taken out is not missed")
  func edited() throws {
    let text = String(decoding: SealedJSON.sealed(plain), as: UTF8.self)
    #expect(!SealedJSON.isIntact(Data(text.replacing("1", with: "2", maxReplacements: 1).utf8)))
    #expect(!SealedJSON.isIntact(Data(text.replacing(" : ", with: ": ").utf8)))
    let lines = text.split(separator: "\n").filter { !$0.contains("checksum") }
    #expect(SealedJSON.isIntact(Data(lines.joined(separator: "\n").utf8)))
  }

  @Test("a text that is no pretty-printed object stays as it is")
  func other() {
    for text in ["", "{}", "[1]", "{\"a\":1}"] {
      let data = Data(text.utf8)
      #expect(SealedJSON.sealed(data) == data && SealedJSON.isIntact(data))
    }
  }
}
