// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

// The Swift side of Scripts/reference/bench_tokenizers.py: reads a command a line, answers each with
// a line of JSON, so that both sides can be timed in turn within one run.
//
//   TokenizerBenchmark DOCUMENTS        a file of documents with the byte 0x1E between them
//   train VOCABULARY THREADS PATH       trains on all documents, writes tokenizer.json
//   load PATH                           opens a tokenizer.json
//   encode MEGABYTES THREADS            encodes the first documents
//   save PATH                           writes the tokenizer.json of the one at hand
//   dump MEGABYTES PATH                 writes their ids as 32-bit integers

struct Usage: Error, CustomStringConvertible {
  var description: String
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let duration = try ContinuousClock().measure(body)
  return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}

func answer(_ values: [String: Any]) throws {
  let data = try JSONSerialization.data(withJSONObject: values)
  FileHandle.standardOutput.write(data + Data([10]))
}

/// Documents and the tokenizer at hand.
struct Session {
  var documents: [[UInt8]]
  var tokenizer: (any Tokenizer)?

  init(path: String) throws {
    let data = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    documents = data.split(separator: 0x1E, omittingEmptySubsequences: true).map(Array.init)
  }

  func first(megabytes: Double) -> [[UInt8]] {
    var total = 0
    return Array(
      documents.prefix { document in
        defer { total += document.count }
        return Double(total) < megabytes * 1e6
      })
  }

  mutating func run(_ words: [String]) throws {
    switch (words.first, words.count) {
    case ("train", 4):
      var trained: BPETokenizer?
      let time = try seconds {
        trained = try BPETrainer.train(
          documents: documents,
          .init(vocabularySize: Int(words[1]) ?? 0, threadCount: Int(words[2])))
      }
      try trained?.tokenizerJSON().write(to: URL(fileURLWithPath: words[3]))
      try answer(["seconds": time, "tokens": trained?.vocabularySize ?? 0])
    case ("load", 2):
      let time = try seconds {
        tokenizer = try TokenizerLoader.load(from: URL(fileURLWithPath: words[1]))
      }
      try answer(["seconds": time])
    case ("encode", 3):
      let documents = first(megabytes: Double(words[1]) ?? 0)
      var ids: [[Int32]] = []
      let time = try seconds { ids = try encode(documents, threadCount: Int(words[2])) }
      try answer(["seconds": time, "tokens": ids.reduce(0) { $0 + $1.count }])
    case ("save", 2):
      try tokenizer?.tokenizerJSON().write(to: URL(fileURLWithPath: words[1]))
      try answer(["saved": words[1]])
    case ("dump", 3):
      var data = Data()
      for ids in try encode(first(megabytes: Double(words[1]) ?? 0), threadCount: nil) {
        for id in ids { withUnsafeBytes(of: id.littleEndian) { data.append(contentsOf: $0) } }
      }
      try data.write(to: URL(fileURLWithPath: words[2]))
      try answer(["bytes": data.count])
    default: throw Usage(description: "unknown command \(words)")
    }
  }

  private func encode(_ documents: [[UInt8]], threadCount: Int?) throws -> [[Int32]] {
    guard let tokenizer else { throw Usage(description: "no tokenizer; expected 'load' first") }
    return tokenizer.encode(documents: documents, threadCount: threadCount)
  }
}

guard CommandLine.arguments.count == 2 else {
  throw Usage(description: "usage: TokenizerBenchmark DOCUMENTS")
}
var session = try Session(path: CommandLine.arguments[1])
while let line = readLine() {
  try session.run(line.split(separator: " ").map(String.init))
}
