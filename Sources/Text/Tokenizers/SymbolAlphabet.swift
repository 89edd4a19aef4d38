// SPDX-License-Identifier: Apache-2.0

/// The symbols that a word begins with, before any merge: one a byte or one a scalar.
struct SymbolAlphabet: Sendable {
  /// What a word is made of.
  enum Unit: Sendable { case bytes, scalars }

  let unit: Unit
  /// Ids of bytes, or of the scalars of the basic plane; −1 for those outside the vocabulary.
  private let ids: [Int32]
  /// Ids of scalars above the basic plane.
  private let astralIDs: [UInt32: Int32]
  /// Ids of `<0x00>` to `<0xFF>`, −1 for missing ones; nil without byte fallback.
  private let fallback: [Int32]?
  private let unknown: Int32?
  private let fusesUnknown: Bool

  /// Makes the alphabet of a vocabulary.
  init(unit: Unit, model: ModelDescription, index: TokenIndex) {
    self.unit = unit
    switch unit {
    case .bytes:
      ids = (UInt8(0)...255).map { index.id(of: ByteLevelAlphabet.spelling(of: [$0])) ?? -1 }
      astralIDs = [:]
    case .scalars:
      (ids, astralIDs) = Self.scalarIDs(model)
    }
    fallback = model.usesByteFallback ? Self.byteTokens.map { index.id(of: $0) ?? -1 } : nil
    unknown = model.unknownToken.flatMap { index.id(of: $0) }
    fusesUnknown = model.fusesUnknown
  }

  /// `<0x00>` to `<0xFF>`.
  static let byteTokens: [[UInt8]] = (0..<256).map {
    let digits = String($0, radix: 16, uppercase: true)
    return Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)
  }

  private static func scalarIDs(_ model: ModelDescription) -> ([Int32], [UInt32: Int32]) {
    var basic = [Int32](repeating: -1, count: 0x10000)
    var astral: [UInt32: Int32] = [:]
    for token in model.vocabulary where (1...4).contains(token.content.count) {
      token.content.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        let (value, length) = UTF8Text.scalar(base, 0)
        guard length == bytes.count else { return }
        if value < 0x10000 { basic[Int(value)] = token.id } else { astral[value] = token.id }
      }
    }
    return (basic, astral)
  }

  /// How many symbols a word of so many bytes has at most.
  func symbolBound(byteCount: Int) -> Int { byteCount }

  /// Whether a scalar has a token of its own.
  func contains(scalar value: UInt32) -> Bool {
    (value < 0x10000 ? ids[Int(value)] : astralIDs[value] ?? -1) >= 0
  }

  /// Whether every byte, or every scalar of the basic plane, has a token of its own.
  var isComplete: Bool { ids.allSatisfy { $0 >= 0 } }

  /// Whether no text asks for the unknown token.
  var spellsEverything: Bool {
    (unit == .bytes && isComplete) || (fallback?.allSatisfy { $0 >= 0 } ?? false)
  }

  /// Whether a character without a token leaves no trace.
  var dropsCharacters: Bool {
    unknown == nil && !(fallback?.allSatisfy { $0 >= 0 } ?? false)
  }

  /// Writes the symbols of a word and tells how many they are.
  @inline(__always)
  func symbols(
    of word: UnsafeBufferPointer<UInt8>, into symbols: UnsafeMutablePointer<Int32>
  ) -> Int {
    guard let base = word.baseAddress else { return 0 }
    var writer = SymbolWriter(symbols: symbols)
    var index = 0
    while index < word.count {
      switch unit {
      case .bytes:
        let id = ids[Int(base[index])]
        if id >= 0 { writer.append(id) } else { appendUnknown(&writer) }
        index += 1
      case .scalars:
        let (value, length) = UTF8Text.scalar(base, index)
        let id = value < 0x10000 ? ids[Int(value)] : astralIDs[value] ?? -1
        if id >= 0 {
          writer.append(id)
        } else if !appendFallback(word[index..<index + length], &writer) {
          appendUnknown(&writer)
        }
        index += length
      }
    }
    writer.flush()
    return writer.count
  }

  /// Appends the scalar's byte tokens; as in the reference an unknown token that still waits comes
  /// after them.
  private func appendFallback(
    _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ writer: inout SymbolWriter
  ) -> Bool {
    guard let fallback, bytes.allSatisfy({ fallback[Int($0)] >= 0 }) else { return false }
    for byte in bytes { writer.appendBeforeUnknown(fallback[Int(byte)]) }
    return true
  }

  private func appendUnknown(_ writer: inout SymbolWriter) {
    guard let unknown else { return }
    if !fusesUnknown { writer.flush() }
    writer.pending = unknown
  }
}

/// Symbols of a word, with the unknown token that waits for what follows.
private struct SymbolWriter {
  let symbols: UnsafeMutablePointer<Int32>
  var count = 0
  var pending: Int32?

  init(symbols: UnsafeMutablePointer<Int32>) { self.symbols = symbols }

  @inline(__always)
  mutating func append(_ id: Int32) {
    flush()
    appendBeforeUnknown(id)
  }

  @inline(__always)
  mutating func appendBeforeUnknown(_ id: Int32) {
    symbols[count] = id
    count += 1
  }

  @inline(__always)
  mutating func flush() {
    guard let id = pending else { return }
    pending = nil
    appendBeforeUnknown(id)
  }
}
