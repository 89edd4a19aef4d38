// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

extension RunRecord {
  /// The record as one line of JSON, without the newline; keys always in the same order.
  public var jsonLine: String {
    var line = JSONLine()
    switch self {
    case .step(let record): record.write(to: &line)
    case .evaluation(let record): record.write(to: &line)
    case .event(let record): record.write(to: &line)
    }
    return line.finished
  }

  /// Steps, tokens and other counts that a run can come to: so far from the largest integer that sums
  /// and differences of counts are ones too.
  static let counts = 0...(1 << 56)

  /// Reads one line of JSON.
  ///
  /// - Throws: `DecodingError` where it is no record.
  public init(jsonLine: some DataProtocol) throws {
    self = try JSONDecoder().decode(RunRecord.self, from: Data(jsonLine))
  }
}

extension StepRecord {
  fileprivate func write(to line: inout JSONLine) {
    line.add("kind", text: "step")
    line.add("step", step)
    line.add("loss", loss)
    line.add("tokens", tokens)
    line.add("flops", flops)
    line.add("seconds", seconds)
    line.add("learningRate", learningRate)
    line.add("gradientNorm", gradientNorm)
    line.add("sequences", sequences)
    line.add("sequenceLength", sequenceLength)
    if let gradientNoiseScale { line.add("gradientNoiseScale", gradientNoiseScale) }
    if let criticalBatchTokens { line.add("criticalBatchTokens", criticalBatchTokens) }
  }
}

extension EvaluationRecord {
  fileprivate func write(to line: inout JSONLine) {
    line.add("kind", text: "evaluation")
    line.add("step", step)
    line.add("validationLoss", validationLoss)
    line.add("tokens", tokens)
    line.add("flops", flops)
    line.add("seconds", seconds)
    line.add("targets", targets)
    if let validationTokens { line.add("validationTokens", validationTokens) }
  }
}

extension EventRecord {
  fileprivate func write(to line: inout JSONLine) {
    line.add("kind", text: "event")
    line.add("event", text: event.rawValue)
    line.add("step", step)
    line.add("tokens", tokens)
    line.add("flops", flops)
    line.add("seconds", seconds)
    guard !details.isEmpty else { return }
    var object = JSONLine()
    for (key, value) in details.sorted(by: { $0.key < $1.key }) {
      switch value {
      case .text(let text): object.add(key, text: text)
      case .integer(let count): object.add(key, count)
      case .number(let number): object.add(key, number)
      case .flag(let flag): object.add(key, raw: flag ? "true" : "false")
      }
    }
    line.add("details", raw: object.finished)
  }
}

/// Builds one JSON object on one line.
private struct JSONLine {
  private var body = ""

  var finished: String { "{\(body)}" }

  mutating func add(_ key: String, raw: String) {
    if !body.isEmpty { body += "," }
    body += "\(Self.quoted(key)):\(raw)"
  }

  mutating func add(_ key: String, _ value: Int) { add(key, raw: String(value)) }

  /// The shortest digits that read back equal.
  mutating func add(_ key: String, _ value: Double) {
    add(key, raw: value.isFinite ? "\(value)" : "null")
  }

  mutating func add(_ key: String, text: String) { add(key, raw: Self.quoted(text)) }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        result += "\\u" + Hexadecimal.text(scalar.value, digits: 4)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension RunRecord: Decodable {
  enum Key: String, CodingKey {
    case kind, step, loss, tokens, flops, seconds, learningRate, gradientNorm
    case sequences, sequenceLength, gradientNoiseScale, criticalBatchTokens
    case validationLoss, targets, validationTokens, event, details
  }

  /// Reads a record by its `kind`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let kind = try values.decode(String.self, forKey: .kind)
    switch kind {
    case "step": self = .step(try StepRecord(values))
    case "evaluation": self = .evaluation(try EvaluationRecord(values))
    case "event": self = .event(try EventRecord(values))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .kind, in: values,
        debugDescription: "'\(kind.excerpt)' is not one of step, evaluation, event")
    }
  }
}

extension KeyedDecodingContainer<RunRecord.Key> {
  /// A required number; `null` is NaN.
  fileprivate func number(_ key: Key) throws -> Double {
    try contains(key) && decodeNil(forKey: key) ? .nan : decode(Double.self, forKey: key)
  }

  /// An optional number; `null` is NaN.
  fileprivate func optionalNumber(_ key: Key) throws -> Double? {
    contains(key) ? try number(key) : nil
  }

  /// An optional count; `null` is none.
  fileprivate func optionalCount(_ key: Key) throws -> Int? {
    try contains(key) && !decodeNil(forKey: key) ? count(key) : nil
  }

  /// A required count.
  fileprivate func count(_ key: Key) throws -> Int {
    let count = try decode(Int.self, forKey: key)
    guard RunRecord.counts.contains(count) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self, debugDescription: "\(count) is outside 0 … 2^56")
    }
    return count
  }
}

extension StepRecord {
  fileprivate init(_ values: KeyedDecodingContainer<RunRecord.Key>) throws {
    self.init(
      step: try values.count(.step), loss: try values.number(.loss),
      tokens: try values.count(.tokens), flops: try values.number(.flops),
      seconds: try values.number(.seconds), learningRate: try values.number(.learningRate),
      gradientNorm: try values.number(.gradientNorm), sequences: try values.count(.sequences),
      sequenceLength: try values.count(.sequenceLength),
      gradientNoiseScale: try values.optionalNumber(.gradientNoiseScale),
      criticalBatchTokens: try values.optionalNumber(.criticalBatchTokens))
  }
}

extension EvaluationRecord {
  fileprivate init(_ values: KeyedDecodingContainer<RunRecord.Key>) throws {
    self.init(
      step: try values.count(.step), validationLoss: try values.number(.validationLoss),
      tokens: try values.count(.tokens), flops: try values.number(.flops),
      seconds: try values.number(.seconds), targets: try values.count(.targets),
      validationTokens: try values.optionalCount(.validationTokens))
  }
}

extension EventRecord {
  fileprivate init(_ values: KeyedDecodingContainer<RunRecord.Key>) throws {
    self.init(
      event: Name(rawValue: try values.decode(String.self, forKey: .event)),
      step: try values.count(.step), tokens: try values.count(.tokens),
      flops: try values.number(.flops), seconds: try values.number(.seconds),
      details: try values.decodeIfPresent([String: LogValue].self, forKey: .details) ?? [:])
  }
}

extension LogValue: Decodable {
  /// Reads a truth value, a number or a text; `null` is NaN.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .number(.nan)
    } else if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let count = try? container.decode(Int.self) {
      self = .integer(count)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }
}
