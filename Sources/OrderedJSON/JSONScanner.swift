// SPDX-License-Identifier: Apache-2.0

/// Reads JSON (RFC 8259) from bytes, strictly and in one pass.
///
/// Whole values come from ``value()``. Where a text is large and its form is known, its parts can
/// be taken one by one without a tree of values:
///
///     var hasMore = try scanner.beginObject()
///     while hasMore {
///       sizes[try scanner.key()] = try scanner.number()
///       hasMore = try scanner.nextMember()
///     }
///     try scanner.end()
public struct JSONScanner: Sendable {
  /// What is read beside the plain grammar, and what is refused of it.
  public struct Options: Sendable {
    /// How many arrays and objects may stand within each other in ``JSONScanner/value()``.
    ///
    /// Each level takes frames of the stack, of which a thread may have only half a megabyte.
    public var nestingLimit: Int
    /// Whether Python's `NaN`, `Infinity` and `-Infinity` are numbers.
    public var allowsNonFiniteNumbers: Bool
    /// Whether half of a surrogate pair, which Python's strings can hold, stands for U+FFFD; else it
    /// is an error.
    public var allowsUnpairedSurrogates: Bool
    /// What becomes of a key that stands twice in an object, in ``JSONScanner/value()``.
    public var repeatedKeys: RepeatedKeys

    /// The ways to read a key that stands twice.
    public enum RepeatedKeys: Sendable {
      /// Both members are kept.
      case kept
      /// They are an error.
      case refused
      /// The first member gets the last one's value, as in Python.
      case lastCounts
    }

    /// What Python's `json` reads, but for nesting.
    public static let python = Options(
      allowsNonFiniteNumbers: true, allowsUnpairedSurrogates: true, repeatedKeys: .lastCounts)

    /// Makes options.
    public init(
      nestingLimit: Int = 128, allowsNonFiniteNumbers: Bool = false,
      allowsUnpairedSurrogates: Bool = false, repeatedKeys: RepeatedKeys = .kept
    ) {
      self.nestingLimit = nestingLimit
      self.allowsNonFiniteNumbers = allowsNonFiniteNumbers
      self.allowsUnpairedSurrogates = allowsUnpairedSurrogates
      self.repeatedKeys = repeatedKeys
    }
  }

  let bytes: [UInt8]
  let options: Options
  /// The byte at which the next token is looked for.
  public internal(set) var offset = 0

  /// Makes a scanner at the first byte.
  public init(_ bytes: [UInt8], options: Options = Options()) {
    self.bytes = bytes
    self.options = options
  }

  /// A failure at the present byte.
  public func failure(
    _ message: String, _ code: OrderedJSONError.Code = .malformed
  ) -> OrderedJSONError {
    OrderedJSONError(code, message, offset: offset)
  }

  // MARK: Parts

  /// Takes the start of an object; whether a member follows.
  public mutating func beginObject() throws(OrderedJSONError) -> Bool {
    guard take("{") else { throw failure("expected “{”") }
    return !take("}")
  }

  /// Takes a member's key with the colon after it.
  public mutating func key() throws(OrderedJSONError) -> String {
    guard nextToken == UInt8(ascii: "\"") else { throw failure("expected a key in quotes") }
    let key = try string()
    guard take(":") else { throw failure("expected “:” after a key") }
    return key
  }

  /// Takes what follows a member; whether that is another one or else the object's end.
  public mutating func nextMember() throws(OrderedJSONError) -> Bool {
    if take(",") { return true }
    guard take("}") else { throw failure("expected “,” or “}” after a member") }
    return false
  }

  /// Takes the start of an array; whether an element follows.
  public mutating func beginArray() throws(OrderedJSONError) -> Bool {
    guard take("[") else { throw failure("expected “[”") }
    return !take("]")
  }

  /// Takes what follows an element; whether that is another one or else the array's end.
  public mutating func nextElement() throws(OrderedJSONError) -> Bool {
    if take(",") { return true }
    guard take("]") else { throw failure("expected “,” or “]” after an element") }
    return false
  }

  /// Refuses anything but white space up to the end.
  public mutating func end() throws(OrderedJSONError) {
    guard nextToken == nil else { throw failure("expected the end of the text") }
  }

  /// Takes `null`, where that comes next; whether it did.
  public mutating func takeNull() -> Bool {
    nextToken == UInt8(ascii: "n") && take(literally: "null")
  }

  // MARK: Tokens

  /// The byte at ``offset``.
  var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  /// The first byte after white space, which is passed over.
  var nextToken: UInt8? {
    mutating get {
      while let byte = next {
        guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
        offset += 1
      }
      return nil
    }
  }

  /// Whether the next token starts with this character; takes it if so.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard nextToken == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  /// Whether exactly this text stands at ``offset``; takes it if so.
  mutating func take(literally text: StaticString) -> Bool {
    let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard bytes[offset...].starts(with: wanted) else { return false }
    offset += wanted.count
    return true
  }
}
