// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON

extension RunRecord {
  /// The record as one line of JSON, without the newline; keys always in the same order.
  public var jsonLine: String {
    // Nothing of a record is such that it could not be written.
    let value = (try? Document(of: self, numbers: .exact))?.value ?? .null
    return String(decoding: value.encoded(.line), as: UTF8.self)
  }

  /// Steps, tokens and other counts that a run can come to: so far from the largest integer that sums
  /// and differences of counts are ones too.
  static let counts = 0...(1 << 56)

  /// Reads one line of JSON.
  ///
  /// - Throws: an error that names the key where it is no record.
  public init(jsonLine: some DataProtocol) throws {
    self = try Document(parsing: Data(jsonLine), options: .init()).decode()
  }
}

extension RunRecord: FieldCoded {
  private enum Kind: String, CaseIterable, Codable { case step, evaluation, event }

  private var kind: Kind {
    switch self {
    case .step: .step
    case .evaluation: .evaluation
    case .event: .event
    }
  }

  package init(_ fields: FieldCoder, of old: RunRecord?) throws {
    switch try fields.required("kind", old?.kind) {
    case .step:
      let record: StepRecord? = if case .step(let record)? = old { record } else { nil }
      self = .step(try StepRecord(fields, of: record))
    case .evaluation:
      let record: EvaluationRecord? = if case .evaluation(let record)? = old { record } else { nil }
      self = .evaluation(try EvaluationRecord(fields, of: record))
    case .event:
      let record: EventRecord? = if case .event(let record)? = old { record } else { nil }
      self = .event(try EventRecord(fields, of: record))
    }
  }
}

extension StepRecord {
  fileprivate init(_ fields: FieldCoder, of old: StepRecord?) throws {
    self.init(
      step: try fields.count("step", old?.step), loss: try fields.number("loss", old?.loss),
      tokens: try fields.count("tokens", old?.tokens),
      flops: try fields.number("flops", old?.flops),
      seconds: try fields.number("seconds", old?.seconds),
      learningRate: try fields.number("learningRate", old?.learningRate),
      gradientNorm: try fields.number("gradientNorm", old?.gradientNorm),
      sequences: try fields.count("sequences", old?.sequences),
      sequenceLength: try fields.count("sequenceLength", old?.sequenceLength),
      gradientNoiseScale: try fields.optionalNumber("gradientNoiseScale", old?.gradientNoiseScale),
      criticalBatchTokens: try fields.optionalNumber(
        "criticalBatchTokens", old?.criticalBatchTokens))
  }
}

extension EvaluationRecord {
  fileprivate init(_ fields: FieldCoder, of old: EvaluationRecord?) throws {
    self.init(
      step: try fields.count("step", old?.step),
      validationLoss: try fields.number("validationLoss", old?.validationLoss),
      tokens: try fields.count("tokens", old?.tokens),
      flops: try fields.number("flops", old?.flops),
      seconds: try fields.number("seconds", old?.seconds),
      targets: try fields.count("targets", old?.targets),
      validationTokens: try fields.optionalInteger(
        "validationTokens", old?.validationTokens, in: RunRecord.counts))
  }
}

extension EventRecord {
  fileprivate init(_ fields: FieldCoder, of old: EventRecord?) throws {
    self.init(
      event: Name(rawValue: try fields.required("event", old?.event.rawValue)),
      step: try fields.count("step", old?.step), tokens: try fields.count("tokens", old?.tokens),
      flops: try fields.number("flops", old?.flops),
      seconds: try fields.number("seconds", old?.seconds),
      details: try fields.field("details", old.map { SortedDetails($0.details) }, default: .none)
        .values)
  }
}

extension FieldCoder {
  /// A number; one that is not finite stands as `null` and reads back as NaN.
  fileprivate func number(_ key: String, _ old: Double?) throws -> Double {
    try required(key, old.map(LogNumber.init)).value
  }

  fileprivate func optionalNumber(_ key: String, _ old: Double?) throws -> Double? {
    has(key) && (isReading || old != nil) ? try number(key, old) : nil
  }

  fileprivate func count(_ key: String, _ old: Int?) throws -> Int {
    try integer(key, old, in: RunRecord.counts)
  }

}

/// A number in a log.
private struct LogNumber: Codable {
  var value: Double

  init(_ value: Double) { self.value = value }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    value = container.decodeNil() ? .nan : try container.decode(Double.self)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.isFinite { try container.encode(value) } else { try container.encodeNil() }
  }
}

/// An event's details in the order of their keys.
private struct SortedDetails: Codable, Equatable {
  static let none = SortedDetails([:])
  var values: [String: LogValue]

  init(_ values: [String: LogValue]) { self.values = values }

  init(from decoder: any Decoder) throws { values = try [String: LogValue](from: decoder) }

  func encode(to encoder: any Encoder) throws {
    let members = values.map { JSONObject.Member(key: $0.key, value: $0.value.json) }
    try JSONValue.object(JSONObject(members).sorted()).encode(to: encoder)
  }
}

extension LogValue: Codable {
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

  /// Writes the value; a number that is not finite is `null`.
  public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }

  fileprivate var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .integer(let count): JSONValue(count)
    case .number(let number): number.isFinite ? JSONValue(number) : .null
    case .flag(let flag): .boolean(flag)
    }
  }
}
