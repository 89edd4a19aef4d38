// SPDX-License-Identifier: Apache-2.0

/// A long row of tokens that can be read anywhere.
public protocol TokenSource: Sendable {
  /// Tokens in the row.
  var tokenCount: Int { get }
  /// Every token is below this.
  var vocabularySize: Int { get }
  /// What errors call the row, such as the path of its directory.
  var subject: String { get }
  /// Tells the data from all others; nil where that is not known, as for tokens in memory.
  var identity: String? { get }
  /// Reads the tokens from `offset` on, one for each element of `buffer`, all inside the row.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names the file and the position of a token
  ///   outside the vocabulary.
  func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Int32>) throws
  /// Waits until all that was read is known to be what was once written.
  ///
  /// Nothing that was learnt from the tokens may be kept before.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names a file that differs.
  func verifyReads() throws
}

/// Tokens in memory.
public struct InMemoryTokens: TokenSource, Hashable {
  /// The tokens.
  public let tokens: [Int32]
  /// Every token is below this.
  public let vocabularySize: Int
  /// Tokens in the row.
  public var tokenCount: Int { tokens.count }
  /// What errors call the row.
  public var subject: String { "tokens in memory" }
  /// Not known.
  public var identity: String? { nil }

  /// Holds tokens.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` where a token is outside the vocabulary.
  public init(_ tokens: [Int32], vocabularySize: Int) throws {
    let position = tokens.firstIndex { $0 < 0 || Int($0) >= vocabularySize }
    if let position {
      throw TextError(
        .damagedShard,
        "token \(tokens[position]) at position \(position) is outside the vocabulary of "
          + "\(vocabularySize)", subject: "tokens in memory")
    }
    self.tokens = tokens
    self.vocabularySize = vocabularySize
  }

  /// Copies tokens.
  public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Int32>) throws {
    _ = buffer.update(fromContentsOf: tokens[offset..<offset + buffer.count])
  }

  /// Tokens in memory need no check.
  public func verifyReads() throws {}
}

/// A row of tokens of which only those below a bound are to be read.
public struct BoundedTokens: TokenSource {
  /// Every token that can be read is below this.
  public let vocabularySize: Int
  /// Tokens in the row.
  public var tokenCount: Int { source.tokenCount }
  /// What errors call the row.
  public var subject: String { source.subject }
  /// The row's.
  public var identity: String? { source.identity }

  private let source: any TokenSource
  private let failure: @Sendable (Int32) -> any Error

  /// Bounds a row; `failure` makes the error for the first token that is not below the bound.
  public init(
    _ source: any TokenSource, vocabularySize: Int,
    failure: @escaping @Sendable (Int32) -> any Error
  ) {
    self.source = source
    self.vocabularySize = vocabularySize
    self.failure = failure
  }

  /// Reads tokens, as far as all are below the bound.
  public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Int32>) throws {
    try source.read(at: offset, into: buffer)
    let limit = Int32(clamping: vocabularySize)
    if let token = buffer.first(where: { $0 >= limit }) { throw failure(token) }
  }

  /// As the row does.
  public func verifyReads() throws { try source.verifyReads() }

  /// Reads the whole row once, so that nothing outside the bound turns up later.
  public func check() throws {
    var buffer = [Int32](repeating: 0, count: min(tokenCount, 1 << 16))
    var offset = 0
    while offset < tokenCount {
      let count = min(buffer.count, tokenCount - offset)
      try buffer.withUnsafeMutableBufferPointer {
        try read(at: offset, into: UnsafeMutableBufferPointer(rebasing: $0[..<count]))
      }
      offset += count
    }
  }
}
