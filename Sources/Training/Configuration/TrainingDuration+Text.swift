// SPDX-License-Identifier: Apache-2.0
import Wording

extension TrainingDuration: CustomStringConvertible, LosslessStringConvertible {
  /// Reads `200 steps`, `20M tokens`, `1.5e15 FLOPs`, `90 minutes`, `2 hours`, `30 seconds`.
  ///
  /// A number may have a fraction, an exponent and one of the suffixes k, M, B or G, T (10³, 10⁶,
  /// 10⁹, 10¹²); steps and tokens must come out whole.
  ///
  /// - Throws: ``TrainingError`` of code `invalidDuration`.
  public init(parsing text: String) throws {
    let scanner = Scanner(text)
    let unit = try scanner.unit()
    switch unit {
    case .whole(let make): self = make(try scanner.wholeAmount())
    case .real(let factor, let make): self = make(try scanner.realAmount() * factor)
    }
  }

  /// Reads the same text; nil where it is no duration.
  public init?(_ description: String) {
    guard let duration = try? TrainingDuration(parsing: description) else { return nil }
    self = duration
  }

  /// The text that reads back as exactly this duration.
  public var description: String {
    switch self {
    case .steps(let count): "\(count) \(count == 1 ? "step" : "steps")"
    case .tokens(let count): "\(Self.shortened(count)) \(count == 1 ? "token" : "tokens")"
    case .floatingPointOperations(let amount): "\(Self.plain(amount)) FLOPs"
    case .seconds(let amount): Self.timeText(amount)
    }
  }

  private static func shortened(_ count: Int) -> String {
    for (factor, suffix) in [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M")]
    where count != 0 && count % factor == 0 {
      return "\(count / factor)\(suffix)"
    }
    return String(count)
  }

  private static func timeText(_ seconds: Double) -> String {
    for (factor, unit) in [(3600.0, "hour"), (60.0, "minute")]
    where seconds != 0 && seconds.truncatingRemainder(dividingBy: factor) == 0 && seconds < 1e12 {
      return counted(seconds / factor, unit)
    }
    return counted(seconds, "second")
  }

  private static func counted(_ amount: Double, _ unit: String) -> String {
    "\(plain(amount)) \(unit)\(amount == 1 ? "" : "s")"
  }

  /// The shortest digits that read back equal, without `.0` and without the plus of an exponent.
  private static func plain(_ value: Double) -> String {
    var text = "\(value)"
    if text.hasSuffix(".0") { text.removeLast(2) }
    text.removeAll { $0 == "+" }
    return text
  }
}

extension TrainingDuration: Codable {
  /// Reads the text form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do { try self.init(parsing: container.decode(String.self)) } catch let error as TrainingError {
      // With the place, which whoever reads the file knows to tell.
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
    }
  }

  /// Writes the text form.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The parts of a duration's text: number, suffix, unit.
private struct Scanner {
  enum Unit {
    case whole((Int) -> TrainingDuration)
    case real(factor: Double, (Double) -> TrainingDuration)
  }

  let text: String
  private let number: Substring
  private let unitText: Substring

  init(_ text: String) {
    self.text = text
    let trimmed = text.drop { $0.isWhitespace }
    let end = Self.endOfNumber(in: trimmed)
    number = trimmed[..<end]
    unitText = trimmed[end...].drop { $0.isWhitespace }
  }

  /// Where the longest prefix of digits, point and exponent ends.
  private static func endOfNumber(in text: Substring) -> Substring.Index {
    func isDigit(_ index: Substring.Index) -> Bool {
      index < text.endIndex && text[index].isASCII && text[index].isNumber
    }
    func skipDigits(_ index: inout Substring.Index) {
      while isDigit(index) { index = text.index(after: index) }
    }
    var index = text.startIndex
    skipDigits(&index)
    if index < text.endIndex, text[index] == "." {
      index = text.index(after: index)
      skipDigits(&index)
    }
    guard index < text.endIndex, text[index] == "e" || text[index] == "E" else { return index }
    var exponent = text.index(after: index)
    if exponent < text.endIndex, text[exponent] == "-" || text[exponent] == "+" {
      exponent = text.index(after: exponent)
    }
    guard isDigit(exponent) else { return index }
    skipDigits(&exponent)
    return exponent
  }

  /// The power of ten of the suffix, and the unit's word.
  private var suffixAndWord: (exponent: Int, word: String) {
    let exponents: [Character: Int] = ["k": 3, "K": 3, "M": 6, "B": 9, "G": 9, "T": 12]
    if let first = unitText.first, let exponent = exponents[first] {
      let rest = unitText.dropFirst()
      if rest.first?.isWhitespace ?? true { return (exponent, word(rest)) }
      if knows(word(rest)) { return (exponent, word(rest)) }
    }
    return (0, word(unitText))
  }

  private func word(_ part: Substring) -> String {
    var part = part.drop { $0.isWhitespace }
    while part.last?.isWhitespace ?? false { part.removeLast() }
    return part.lowercased()
  }

  private func knows(_ word: String) -> Bool { Self.unit(word) != nil }

  private static func unit(_ word: String) -> Unit? {
    switch word {
    case "step", "steps": .whole { .steps($0) }
    case "token", "tokens": .whole { .tokens($0) }
    case "flop", "flops": .real(factor: 1) { .floatingPointOperations($0) }
    case "second", "seconds", "s": .real(factor: 1) { .seconds($0) }
    case "minute", "minutes", "min": .real(factor: 60) { .seconds($0) }
    case "hour", "hours", "h": .real(factor: 3600) { .seconds($0) }
    case "day", "days": .real(factor: 86400) { .seconds($0) }
    default: nil
    }
  }

  func unit() throws -> Unit {
    guard number.contains(where: \.isNumber) else {
      throw failure("it does not begin with a number")
    }
    let word = suffixAndWord.word
    guard let unit = Self.unit(word) else {
      throw failure(word.isEmpty ? "its unit is missing" : "'\(word.excerpt)' is not a unit")
    }
    return unit
  }

  /// The number with its suffix, rounded once.
  func realAmount() throws -> Double {
    let parts = number.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    let own = parts.count > 1 ? Int(parts[1]) : 0
    let suffix = suffixAndWord.exponent
    guard let own, case let (exponent, overflow) = own.addingReportingOverflow(suffix), !overflow,
      let value = Double("\(parts[0].hasSuffix(".") ? parts[0].dropLast() : parts[0])e\(exponent)"),
      value.isFinite
    else { throw failure("'\(String(number).excerpt)' is not a finite number") }
    return value
  }

  func wholeAmount() throws -> Int {
    if suffixAndWord.exponent == 0, let count = Int(number) { return count }
    let value = try realAmount()
    guard let count = Int(exactly: value) else {
      throw failure("it does not come out as a whole number below 2⁶³")
    }
    return count
  }

  func failure(_ reason: String) -> TrainingError {
    TrainingError(
      .invalidDuration,
      "'\(text.excerpt)' is not a duration: \(reason); write for example '200 steps', '20M tokens', "
        + "'1.5e15 FLOPs', '90 minutes', '2 hours' or '30 seconds'",
      subject: "duration")
  }
}
