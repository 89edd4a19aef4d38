// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct GzipByteSourceTests {
  /// A gzip member whose data is stored, not compressed, with an extra field if asked for.
  private func member(_ text: String, extraField: Bool = false, blockByteCount: Int = 60_000)
    -> [UInt8]
  {
    var bytes: [UInt8] = [0x1f, 0x8b, 8, extraField ? 4 : 0, 0, 0, 0, 0, 0, 255]
    if extraField { bytes += [6, 0, 0x52, 0x41, 2, 0, 1, 0] }
    let data = Array(text.utf8)
    var start = 0
    repeat {
      let block = data[start..<min(start + blockByteCount, data.count)]
      start += block.count
      let length = UInt16(block.count)
      bytes.append(start == data.count ? 1 : 0)
      for word in [length, ~length] { bytes += [UInt8(word & 255), UInt8(word >> 8)] }
      bytes += block
    } while start < data.count
    for word in [checksum(data), UInt32(data.count)] {
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    return bytes
  }

  /// The check of RFC 1952, bit by bit.
  private func checksum(_ data: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in data {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
    return ~sum
  }

  private func read(_ bytes: [UInt8], name: String = "x.gz", step: Int = 1000) throws -> String {
    let folder = try TemporaryFolder()
    let path = try folder.write(name, Data(bytes))
    let source = try CorpusInput.find([path])[0].open()
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: step)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
      if count == 0 { break }
      result += buffer[..<count]
    }
    #expect(source.fileBytesRead == bytes.count)
    return String(decoding: result, as: UTF8.self)
  }

  private let text = variedText(byteCount: 400_000, seed: 1)

  @Test(arguments: [1, 7, 1000, 1 << 20]) func readsAMember(step: Int) throws {
    let text = step < 10 ? String(text.prefix(2000)) : text
    #expect(try read(member(text), step: step) == text)
  }

  @Test func readsMembersExtraFieldsAndPadding() throws {
    let bytes = member("one ") + member("") + member("two", extraField: true)
    #expect(try read(bytes) == "one two")
    #expect(try read(bytes, name: "x.dz") == "one two")
    #expect(try read(bytes + [UInt8](repeating: 0, count: 512)) == "one two")
    #expect(try read(bytes, name: "no-extension") == "one two")
  }

  @Test func readsWhatGzipWrites() throws {
    // printf 'one\ntwo\n' | gzip -9n
    let compressed: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0xcf, 0x4b, 0xe5, 0x2a,
      0x29, 0xcf, 0xe7, 0x02, 0x00, 0xe6, 0x0b, 0xba, 0x12, 0x08, 0x00, 0x00, 0x00,
    ]
    #expect(try read(compressed) == "one\ntwo\n")
  }

  @Test func refusesDamage() throws {
    let whole = member(text)
    for count in [1, 5, 10, 20, whole.count / 2, whole.count - 1] {
      let error = textError { _ = try read(Array(whole[..<count])) }
      #expect(error?.code == .unreadableInput, "\(count) of \(whole.count) bytes")
    }
    var changed = whole
    changed[500] ^= 1
    #expect(textError { _ = try read(changed) }?.message.contains("not intact") == true)
    #expect(textError { _ = try read(whole + [1, 2, 3]) }?.code == .unreadableInput)
    #expect(textError { _ = try read(Array("plain text".utf8)) }?.code == .unreadableInput)
    #expect(textError { _ = try read([]) }?.message.contains("is empty") == true)
  }
}
