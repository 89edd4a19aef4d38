// SPDX-License-Identifier: Apache-2.0

/// The regular expressions by which byte-level tokenizers cut text into words, each with a scanner
/// written by hand that finds the same matches in linear time.
public enum WordPattern: String, Sendable, CaseIterable {
  /// GPT-2, SmolLM and most byte-level tokenizers.
  case gpt2
  /// Llama 3; digits in groups of three.
  case llama3
  /// Qwen 2, 2.5 and 3; single digits.
  case qwen2
  /// Qwen 3.5; marks are a part of words.
  case qwen3_5

  /// The expression as `tokenizer.json` spells it.
  public var regularExpression: String {
    switch self {
    case .gpt2:
      return #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case .llama3: return Self.caseless(number: #"\p{N}{1,3}"#)
    case .qwen2: return Self.caseless(number: #"\p{N}"#)
    case .qwen3_5:
      return Self.caseless(
        number: #"\p{N}"#, letter: #"[\p{L}\p{M}]"#, other: #"[^\s\p{L}\p{M}\p{N}]"#)
    }
  }

  private static func caseless(
    number: String, letter: String = #"\p{L}"#, other: String = #"[^\s\p{L}\p{N}]"#
  ) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?"# + letter + "+|" + number + "| ?" + other
      + #"+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// The pattern that an expression of `tokenizer.json` is; nil for one that is not known.
  init?(regularExpression: String) {
    let known = Self.allCases.first {
      $0.regularExpression.utf8.elementsEqual(regularExpression.utf8)
    }
    guard let known else { return nil }
    self = known
  }
}

/// Finds the words of a pattern in valid UTF-8.
struct WordScanner {
  let table = UnicodeClassTable.shared
  let bytes: UnsafePointer<UInt8>
  let end: Int

  /// Where the word that begins at `start` (below `end`) ends.
  @inline(__always)
  func wordEnd(_ pattern: WordPattern, from start: Int) -> Int {
    switch pattern {
    case .gpt2: return endGPT2(start)
    case .llama3: return endCaseless(start, digits: 3, letters: .letter)
    case .qwen2: return endCaseless(start, digits: 1, letters: .letter)
    case .qwen3_5: return endCaseless(start, digits: 1, letters: [.letter, .mark])
    }
  }

  @inline(__always)
  private func classes(_ index: Int) -> (classes: UnicodeClasses, length: Int) {
    let byte = bytes[index]
    if byte < 0x80 {
      return (UnicodeClasses(rawValue: table.classes[Int(table.pages[0]) + Int(byte)]), 1)
    }
    let (value, length) = UTF8Text.scalar(bytes, index)
    return (table(value), length)
  }

  /// The end of a run of scalars of one of some classes.
  @inline(__always)
  private func run(of wanted: UnicodeClasses, from start: Int) -> Int {
    var index = start
    while index < end {
      let (found, length) = classes(index)
      guard !found.isDisjoint(with: wanted) else { break }
      index += length
    }
    return index
  }

  /// The end of a run of `[^\s\p{L}\p{N}]`, or of what is none of some other classes.
  @inline(__always)
  private func runOfOthers(
    than known: UnicodeClasses = [.letter, .number, .whitespace], from start: Int
  ) -> Int {
    var index = start
    while index < end {
      let (found, length) = classes(index)
      guard found.isDisjoint(with: known) else { break }
      index += length
    }
    return index
  }

  private func endGPT2(_ start: Int) -> Int {
    let first = bytes[start]
    if first == 0x27, let contraction = contraction(at: start) { return contraction }
    var index = start
    var (found, length) = classes(start)
    if first == 0x20 && start + 1 < end {
      let next = classes(start + 1)
      if !next.classes.contains(.whitespace) {
        index = start + 1
        (found, length) = next
      }
    }
    if found.contains(.letter) { return run(of: .letter, from: index + length) }
    if found.contains(.number) { return run(of: .number, from: index + length) }
    if !found.contains(.whitespace) { return runOfOthers(from: index + length) }
    return whitespaceEnd(start, run(of: .whitespace, from: start + length))
  }

  /// - Parameter letters: what words are made of.
  @inline(__always)
  private func endCaseless(_ start: Int, digits: Int, letters: UnicodeClasses) -> Int {
    let first = bytes[start]
    if first == 0x27, let contraction = caselessContraction(at: start) { return contraction }
    let (found, length) = classes(start)
    if !found.isDisjoint(with: letters) { return run(of: letters, from: start + length) }
    if found.contains(.number) { return numberEnd(start + length, limit: digits - 1) }
    let next = start + length
    let following = next < end ? classes(next).classes : .whitespace
    if !found.contains(.newline) && !following.isDisjoint(with: letters) {
      return run(of: letters, from: next)
    }
    let known = letters.union([.number, .whitespace])
    if !found.contains(.whitespace) { return withNewlines(runOfOthers(than: known, from: next)) }
    if first == 0x20 && following.isDisjoint(with: known) {
      return withNewlines(runOfOthers(than: known, from: next))
    }
    let runEnd = run(of: .whitespace, from: next)
    if let afterNewline = endOfLastNewline(start, runEnd) { return afterNewline }
    return whitespaceEnd(start, runEnd)
  }

  /// `\s+(?!\S)|\s+` on the white space `start ..< runEnd`: before a word the last one stays out.
  private func whitespaceEnd(_ start: Int, _ runEnd: Int) -> Int {
    guard runEnd < end else { return runEnd }
    let last = UTF8Text.indexBefore(runEnd, in: bytes)
    return last > start ? last : runEnd
  }

  private func withNewlines(_ start: Int) -> Int {
    var index = start
    while index < end && (bytes[index] == 10 || bytes[index] == 13) { index += 1 }
    return index
  }

  /// `\s*[\r\n]+` on the white space `start ..< runEnd`.
  private func endOfLastNewline(_ start: Int, _ runEnd: Int) -> Int? {
    var index = runEnd
    while index > start {
      if bytes[index - 1] == 10 || bytes[index - 1] == 13 { return index }
      index -= 1
    }
    return nil
  }

  private func numberEnd(_ start: Int, limit: Int) -> Int {
    var index = start
    for _ in 0..<limit where index < end {
      let (found, length) = classes(index)
      guard found.contains(.number) else { break }
      index += length
    }
    return index
  }

  /// The end of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe.
  private func contraction(at start: Int) -> Int? {
    guard start + 1 < end else { return nil }
    switch bytes[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return start + 2 < end && bytes[start + 2] == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return start + 2 < end && bytes[start + 2] == UInt8(ascii: "l") ? start + 3 : nil
    default: return nil
    }
  }

  /// The same without regard to case; `s` is also U+017F, the long s, whose fold it is.
  private func caselessContraction(at start: Int) -> Int? {
    guard start + 1 < end else { return nil }
    let second: UInt8 = start + 2 < end ? bytes[start + 2] : 0
    switch bytes[start + 1] | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return bytes[start + 1] < 0x80 ? start + 2 : nil
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return second | 0x20 == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return second | 0x20 == UInt8(ascii: "l") ? start + 3 : nil
    case 0xE5 where bytes[start + 1] == 0xC5: return second == 0xBF ? start + 3 : nil
    default: return nil
    }
  }
}
