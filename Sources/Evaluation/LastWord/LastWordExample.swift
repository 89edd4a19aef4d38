// SPDX-License-Identifier: Apache-2.0
import Text

/// A passage whose last word is to be guessed.
public struct LastWordExample: Sendable, Hashable {
  /// The tokens before the last word; never empty.
  public var context: [Int32]
  /// The tokens of the last word, with the space before it; never empty.
  public var target: [Int32]

  /// Makes an example.
  public init(context: [Int32], target: [Int32]) {
    self.context = context
    self.target = target
  }

  /// Parts a text at its last white space, as GPT-2's evaluation on LAMBADA does (Radford et al.,
  /// 2019; Paperno et al., arXiv 1606.06031).
  ///
  /// White space at the text's end is taken off; the last word is what then follows the last white
  /// space, and the context is what comes before that one character. Where the context's ids begin
  /// those of the whole text, the target's ids are the rest; otherwise the tokenizer joins across the
  /// space, and the target's ids are those of a space and the word by themselves.
  ///
  /// - Parameters:
  ///   - beginTokens: put before the context.
  ///   - subject: the example's name in errors.
  /// - Throws: ``EvaluationError`` of code `invalidExample` for a text of fewer than two words.
  public init(
    _ text: String, tokenizer: any Tokenizer, beginTokens: [Int32] = [], subject: String = "text"
  ) throws {
    guard let (whole, before, word) = Self.parts(of: text) else {
      throw EvaluationError(
        .invalidExample,
        "\"\(text.prefix(60))\" has no last word after a context; expected at least two words",
        subject: subject)
    }
    context = tokenizer.encode(String(before))
    let all = tokenizer.encode(String(whole))
    target =
      all.starts(with: context)
      ? Array(all.dropFirst(context.count)) : tokenizer.encode(" \(word)")
    context = beginTokens + context
    guard !context.isEmpty, !target.isEmpty else {
      throw EvaluationError(
        .invalidExample, "\"\(text.prefix(60))\" gives no tokens before or in its last word",
        subject: subject)
    }
  }

  /// The text without white space at its end, its context, and its last word.
  private static func parts(
    of text: String
  ) -> (whole: Substring.UnicodeScalarView, before: Substring.UnicodeScalarView, word: Substring)? {
    let scalars = text.unicodeScalars
    guard let last = scalars.lastIndex(where: { !$0.properties.isWhitespace }) else { return nil }
    let whole = scalars[...last]
    guard let space = whole.lastIndex(where: \.properties.isWhitespace) else { return nil }
    let before = whole[..<space]
    guard before.contains(where: { !$0.properties.isWhitespace }) else { return nil }
    return (whole, before, Substring(whole[whole.index(after: space)...]))
  }

  /// The examples of inputs, one for each text.
  ///
  /// - Throws: `TextError` for input that cannot be read; ``EvaluationError`` of code
  ///   `invalidExample` that names the example by its number, from 1.
  public static func read(
    _ inputs: [CorpusInput], tokenizer: any Tokenizer, beginTokens: [Int32] = []
  ) throws -> [LastWordExample] {
    var examples: [LastWordExample] = []
    var limit = StandardInputLimit(inputs)
    try CorpusInput.forEachText(in: inputs, canSkip: false) { bytes in
      try limit.add(bytes.count)
      examples.append(
        try LastWordExample(
          String(decoding: bytes, as: UTF8.self), tokenizer: tokenizer, beginTokens: beginTokens,
          subject: "example \(examples.count + 1)"))
    }
    return examples
  }
}
