// SPDX-License-Identifier: Apache-2.0

/// How text is cut into the words that are merged each by itself: stages, each of which cuts the
/// pieces of the one before it.
struct PreTokenizer: Sendable, Equatable {
  /// One stage.
  enum Stage: Sendable, Equatable {
    /// Words of a pattern.
    case words(WordPattern)
    /// Pieces between the occurrences of a text.
    case split(TextSplit)
    /// Numeric characters apart from the rest, one by one or in runs.
    case digits(individually: Bool)
    /// A space before each piece that does not begin with one.
    case prefixSpace
    /// "▁" for each space.
    case metaspace(Metaspace)
  }

  /// SentencePiece's treatment of spaces.
  struct Metaspace: Sendable, Equatable {
    /// Which pieces get a "▁" in front where they have none.
    enum Prefix: String, Sendable { case always, first, never }
    var replacement: [UInt8]
    var prefix: Prefix
    /// Whether each "▁" begins a word.
    var splits: Bool
  }

  let stages: [Stage]
  /// Whether words are the same when a text is cut before a space after a visible character.
  var allowsCuts: Bool {
    // Only patterns end words there; without one the whole text is one word.
    let cuts = stages.contains { if case .words = $0 { true } else { false } }
    let forbids = stages.contains {
      switch $0 {
      case .words, .digits: false
      // What a split keeps together a cut before a space may part.
      case .prefixSpace, .metaspace, .split: true
      }
    }
    return cuts && !forbids
  }
  /// Whether words are then spelled in the byte-level alphabet.
  let isByteLevel: Bool

  /// Calls `word` with each word's beginning, length and how many bytes can be read from there.
  ///
  /// `isStart` tells whether the text stands at the very beginning of what is encoded.
  @inline(__always)
  func forEachWord(
    _ text: UnsafeBufferPointer<UInt8>, isStart: Bool,
    _ word: (UnsafePointer<UInt8>, Int, Int) -> Void
  ) {
    guard let base = text.baseAddress, !text.isEmpty else { return }
    // The usual case, one pattern, without a call for each word.
    if stages.count == 1, case .words(let pattern) = stages[0] {
      let scanner = WordScanner(bytes: base, end: text.count)
      var start = 0
      while start < text.count {
        let end = scanner.wordEnd(pattern, from: start)
        word(base + start, end - start, text.count - start)
        start = end
      }
      return
    }
    run(0, text, isStart: isStart, word)
  }

  private func run(
    _ stage: Int, _ text: UnsafeBufferPointer<UInt8>, isStart: Bool,
    _ word: (UnsafePointer<UInt8>, Int, Int) -> Void
  ) {
    guard let base = text.baseAddress, !text.isEmpty else { return }
    guard stage < stages.count else { return word(base, text.count, text.count) }
    func cut(_ start: Int, _ end: Int) {
      let piece = UnsafeBufferPointer(start: base + start, count: end - start)
      run(stage + 1, piece, isStart: isStart && start == 0, word)
    }
    switch stages[stage] {
    case .words(let pattern):
      let scanner = WordScanner(bytes: base, end: text.count)
      var start = 0
      while start < text.count {
        let end = scanner.wordEnd(pattern, from: start)
        cut(start, end)
        start = end
      }
    case .split(let split): split.forEachPiece(text, cut)
    case .digits(let individually):
      Self.cutDigits(base, count: text.count, individually: individually, cut)
    case .prefixSpace:
      guard text[0] != 0x20 else { return run(stage + 1, text, isStart: isStart, word) }
      ([0x20] + text).withUnsafeBufferPointer { run(stage + 1, $0, isStart: isStart, word) }
    case .metaspace(let metaspace):
      metaspace.spelled(text, isStart: isStart).withUnsafeBufferPointer { spelled in
        metaspace.forEachPiece(spelled) { piece in
          run(stage + 1, piece, isStart: isStart, word)
        }
      }
    }
  }

  private static func cutDigits(
    _ base: UnsafePointer<UInt8>, count: Int, individually: Bool, _ cut: (Int, Int) -> Void
  ) {
    let table = UnicodeClassTable.shared
    var start = 0
    var index = 0
    var wasNumeric = false
    while index < count {
      let (value, length) = UTF8Text.scalar(base, index)
      let isNumeric = table(value).contains(.numeric)
      if index > start && (isNumeric != wasNumeric || (isNumeric && individually)) {
        cut(start, index)
        start = index
      }
      wasNumeric = isNumeric
      index += length
    }
    if start < count { cut(start, count) }
  }
}

extension PreTokenizer.Metaspace {
  /// The text with its spaces replaced and the prefix that it is due.
  fileprivate func spelled(_ text: UnsafeBufferPointer<UInt8>, isStart: Bool) -> [UInt8] {
    let replaced = ByteReplacement.replace([0x20], with: replacement, in: text) ?? Array(text)
    let takesPrefix = prefix == .always || (prefix == .first && isStart)
    return takesPrefix && !replaced.starts(with: replacement) ? replacement + replaced : replaced
  }

  fileprivate func forEachPiece(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard splits else { return body(text) }
    var start = 0
    var index = 1
    while index < text.count {
      if text[index] == replacement[0], text[index...].starts(with: replacement) {
        body(UnsafeBufferPointer(rebasing: text[start..<index]))
        start = index
        index += replacement.count
      } else {
        index += 1
      }
    }
    body(UnsafeBufferPointer(rebasing: text[start...]))
  }
}
