// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads a record of a step or an evaluation as a run itself writes it, without building anything of
/// it: the keys in the writer's order, each with a value that the key may have.
///
/// It takes a part of what `RunRecord.init(jsonLine:)` takes, by the same rule, at a small share of the
/// time. Whatever it does not take is for that reader to take or to refuse.
struct PlainLine {
  /// What a key may have.
  private enum Value { case count, number }
  private typealias Field = (key: StaticString, value: Value)

  private struct Form {
    var beginning: StaticString
    var fields: [Field]
    /// Fields that may follow, each of which may be missing.
    var optional: [Field]
  }

  private static let step = Form(
    beginning: "{\"kind\":\"step\",\"step\":",
    fields: [
      (",\"loss\":", .number), (",\"tokens\":", .count), (",\"flops\":", .number),
      (",\"seconds\":", .number), (",\"learningRate\":", .number), (",\"gradientNorm\":", .number),
      (",\"sequences\":", .count), (",\"sequenceLength\":", .count),
    ],
    optional: [(",\"gradientNoiseScale\":", .number), (",\"criticalBatchTokens\":", .number)])

  private static let evaluation = Form(
    beginning: "{\"kind\":\"evaluation\",\"step\":",
    fields: [
      (",\"validationLoss\":", .number), (",\"tokens\":", .count), (",\"flops\":", .number),
      (",\"seconds\":", .number), (",\"targets\":", .count),
    ],
    optional: [(",\"validationTokens\":", .count)])

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The kind and the step of a line; nil where it is no plain one.
  static func read(_ line: Data) -> (kind: LogLine.Kind, step: Int)? {
    line.withUnsafeBytes { bytes in
      if let step = step(in: bytes, step) { return (.step, step) }
      return step(in: bytes, evaluation).map { (.evaluation, $0) }
    }
  }

  private static func step(in bytes: UnsafeRawBufferPointer, _ form: Form) -> Int? {
    var line = PlainLine(bytes)
    guard line.take(form.beginning), let step = line.takeCount() else { return nil }
    for field in form.fields {
      guard line.take(field.key), line.take(field.value) else { return nil }
    }
    for field in form.optional where line.take(field.key) {
      guard line.take(field.value) else { return nil }
    }
    return line.take("}") && line.position == bytes.count ? step : nil
  }

  /// Goes past a text, where it comes next.
  private mutating func take(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count - position >= count, let base = bytes.baseAddress,
      memcmp(base + position, text.utf8Start, count) == 0
    else { return false }
    position += count
    return true
  }

  private mutating func take(_ value: Value) -> Bool {
    switch value {
    case .count: takeCount() != nil
    case .number: take("null") || takeNumber()
    }
  }

  private mutating func takeCount() -> Int? {
    let start = position
    guard let digits = takeDigits(), digits <= 17, isPlain(start, digits) else { return nil }
    // Seventeen digits are far from the largest integer.
    let count = bytes[start..<position].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    return RunRecord.counts.contains(count) ? count : nil
  }

  /// A number that every reader holds to be finite: few digits, and an exponent of two at most.
  private mutating func takeNumber() -> Bool {
    _ = take("-")
    let start = position
    guard let whole = takeDigits(), whole <= 20, isPlain(start, whole) else { return false }
    if take(".") { guard let digits = takeDigits(), digits <= 20 else { return false } }
    guard take("e") else { return true }
    if !take("-") { _ = take("+") }
    return takeDigits().map { $0 <= 2 } ?? false
  }

  /// No number of JSON begins with a zero that says nothing.
  private func isPlain(_ start: Int, _ digits: Int) -> Bool {
    digits == 1 || bytes[start] != UInt8(ascii: "0")
  }

  /// How many digits come next; nil for none.
  private mutating func takeDigits() -> Int? {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    {
      position += 1
    }
    return position > start ? position - start : nil
  }
}
