// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import SeededRandom
import Testing
import Training

@Suite("Receipts that were damaged or made to harm") struct HostileReceiptTests {
  private static let model = ModelConfiguration(
    architecture: .gpt2, layerCount: 1, hiddenSize: 4, headCount: 2, intermediateSize: 8,
    vocabularySize: 16, contextLength: 8, tiesHead: true)

  private static func text() throws -> String {
    let options = GrowthOptions(
      schedule: .repositioned(ratio: 2, rewarmup: .steps(3)), source: "x")
    let path = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).path(
      from: model, options: options)
    return String(decoding: try GrowthReceipt(path).encoded(), as: UTF8.self)
      .replacing("\": ", with: "\":")
  }

  @Test(
    "numbers that no growth has",
    arguments: [
      (#""count":4"#, #""count":9223372036854775807"#), (#""count":4"#, #""count":-4"#),
      (#""count":4"#, #""count":0"#), (#""count":4"#, #""count":268435456"#),
      (#""from":0"#, #""from":9223372036854775807"#), (#""from":0"#, #""from":-1"#),
      (#""from":0"#, #""from":1"#), (#""from":0"#, #""blend":{"fraction":0.5,"lower":3}"#),
      (#""from":0"#, #""blend":{"fraction":0.5,"lower":-1}"#),
      (#""from":0"#, #""start":"elsewhere""#), (#""from":0"#, #""begin":0"#),
      (#""copy":1"#, #""copy":9223372036854775807"#), (#""copy":1"#, #""copy":-1"#),
      (#""sourceCount":4"#, #""sourceCount":-9223372036854775808"#),
      (#""backward":0.5"#, #""backward":0.25"#), (#""backward":0.5"#, #""backward":1e999"#),
      (#""kept 0""#, #""kept 1""#), (#""kept 0""#, #""kept -1""#), (#""kept 0""#, #""kept""#),
      (#""headCount":2"#, #""headCount":4611686018427387904"#),
      (#""headSize":2"#, #""headSize":4611686018427387904"#),
      (#""layerCount":1"#, #""layerCount":65536"#), (#""layerCount":1"#, #""layerCount":0"#),
      (#""hiddenSize":4"#, #""hiddenSize":8"#), (#""architecture":"gpt2""#, #""architecture":"x""#),
      (#""blocks":2"#, #""blocks":0"#), (#""blocks":2"#, #""blocks":-9223372036854775808"#),
      (#""ratio":2"#, #""ratio":0"#), (#""ratio":2"#, #""ratio":1e-300"#),
      (#""rewarmup":"3 steps""#, #""rewarmup":"3 s""#),
      (#""rewarmup":"3 steps""#, #""rewarmup":"soon""#),
      (#""formatVersion":1"#, #""formatVersion":2"#),
      (#""moments":"mapped""#, #""moments":"all""#),
      (#""operation":"width × 2""#, #""operatio":"width × 2""#), (#""stream""#, #""strem""#),
      (#""name":"transformer.wte.weight""#, #""name":"transformer.wpe.weight""#),
      (#""signalToNoise":10"#, #""signalToNoise":20"#),
    ])
  func numbers(_ change: (old: String, new: String)) throws {
    let text = try Self.text()
    guard let range = text.range(of: change.old) else {
      Issue.record("the receipt has no \(change.old): \(text.prefix(2500))")
      return
    }
    let changed = text.replacingCharacters(in: range, with: change.new)
    let error = #expect(throws: GrowthError.self, "\(change)") {
      try GrowthReceipt(Data(changed.utf8), file: "some/growth.json")
    }
    #expect(error?.subject == "some/growth.json")
    #expect(error?.message.isEmpty == false)
  }

  @Test("bytes changed at random give an error or a receipt, never a trap")
  func random() throws {
    let bytes = [UInt8](try Self.text().utf8)
    var random = SplitMix64(seed: 4)
    let digits = Array("0123456789-.e\"{}[],:".utf8)
    for _ in 0..<400 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] =
          digits[Int.random(in: 0..<digits.count, using: &random)]
      }
      do { _ = try GrowthReceipt(Data(changed)) } catch is GrowthError {}
    }
  }

  @Test("no receipt, and something else of its name")
  func missing() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "receipt-\(UUID().uuidString)", directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: directory) }
    let error = #expect(throws: GrowthError.self) { try GrowthReceipt(reading: directory) }
    #expect(error?.code == .unreadableReceipt)
    try FileManager.default.createDirectory(
      at: directory.appending(path: "growth.json"), withIntermediateDirectories: true)
    #expect(throws: GrowthError.self) { try GrowthReceipt(reading: directory) }
    #expect(throws: GrowthError.self) { try GrowthReceipt(Data("[1]".utf8)) }
    #expect(throws: GrowthError.self) { try GrowthReceipt(Data()) }
  }
}
