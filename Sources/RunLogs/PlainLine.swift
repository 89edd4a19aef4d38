// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads a record of a step or an evaluation as a run itself writes it, without building anything of
/// it: the keys in the writer's order, each with a value that the key may have.
///
/// It takes a part of what `RunRecord.init(jsonLine:)` takes, by the same rule, at a small share of the
/// time. Whatever it does not take is for that reader to take or to refuse.
struct PlainLine {
  /// What a key may have.
  private enum Value { case count, number, checksum }
  private typealias Field = (key: StaticString, value: Value)

  /// A value that was taken, which becomes a floating-point number only where it is asked for.
  private enum Number {
    case count(Int)
    /// The digits of a number; none for `null`.
    case text(UnsafeRawBufferPointer)

    var count: Int {
      guard case .count(let count) = self else { return 0 }
      return count
    }

    var real: Double {
      switch self {
      case .count(let count): Double(count)
      case .text(let digits): Double(String(decoding: digits, as: UTF8.self)) ?? .nan
      }
    }
  }

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
    optional: [
      (",\"gradientNoiseScale\":", .number), (",\"criticalBatchTokens\":", .number),
      (",\"after\":", .checksum), (",\"checksum\":", .checksum),
    ])

  private static let evaluation = Form(
    beginning: "{\"kind\":\"evaluation\",\"step\":",
    fields: [
      (",\"validationLoss\":", .number), (",\"tokens\":", .count), (",\"flops\":", .number),
      (",\"seconds\":", .number), (",\"targets\":", .count),
    ],
    optional: [
      (",\"validationTokens\":", .count), (",\"after\":", .checksum),
      (",\"checksum\":", .checksum),
    ])

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// What a line says of the run's progress; nil where it is no plain one.
  static func read(_ line: Data) -> LogLine? {
    line.withUnsafeBytes { bytes in
      if let values = values(in: bytes, step) {
        // In the order of the form's fields.
        return LogLine(
          .step, progress(step: values[0], values[2...4]),
          StepBatch(sequences: values[7].count, length: values[8].count))
      }
      return values(in: bytes, evaluation).map {
        LogLine(.evaluation, progress(step: $0[0], $0[2...4]))
      }
    }
  }

  private static func progress(step: Number, _ values: ArraySlice<Number>) -> LoggedProgress {
    LoggedProgress(
      step: step.count, tokens: values[values.startIndex].count,
      flops: values[values.startIndex + 1].real, seconds: values[values.startIndex + 2].real)
  }

  /// The step and the fields that every line of a form has; nil where a line is not of this form.
  private static func values(in bytes: UnsafeRawBufferPointer, _ form: Form) -> [Number]? {
    var line = PlainLine(bytes)
    guard line.take(form.beginning), let step = line.takeCount() else { return nil }
    var values: [Number] = [.count(step)]
    for field in form.fields {
      guard line.take(field.key), let value = line.take(field.value) else { return nil }
      values.append(value)
    }
    for field in form.optional where line.take(field.key) {
      guard line.take(field.value) != nil else { return nil }
    }
    return line.take("}") && line.position == bytes.count ? values : nil
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

  private mutating func take(_ value: Value) -> Number? {
    switch value {
    case .count: return takeCount().map(Number.count)
    case .number:
      if take("null") { return .text(UnsafeRawBufferPointer(rebasing: bytes[..<0])) }
      let start = position
      guard takeNumber() else { return nil }
      return .text(UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
    case .checksum: return takeChecksum() ? .count(0) : nil
    }
  }

  /// A text without anything that JSON would have to escape.
  private mutating func takeChecksum() -> Bool {
    guard take("\"") else { return false }
    while position < bytes.count, Self.digits.contains(bytes[position]) { position += 1 }
    return take("\"")
  }

  private static let digits = Set("0123456789abcdef".utf8)

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
