// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
  /// Reads the value that a whole text spells, which may begin with a byte order mark.
  public init(
    parsing bytes: [UInt8], options: JSONScanner.Options = .init()
  ) throws(OrderedJSONError) {
    var scanner = JSONScanner(bytes, options: options)
    // Some editors put a byte order mark in front.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { scanner.offset = 3 }
    self = try scanner.value()
    try scanner.end()
  }
}

extension JSONScanner {
  /// Takes a value with all that is in it.
  ///
  /// - Throws: ``OrderedJSONError``; besides `malformed`, `nestedTooDeep` and `repeatedKey` as the
  ///   options say.
  public mutating func value() throws(OrderedJSONError) -> JSONValue { try value(depth: 0) }

  private mutating func value(depth: Int) throws(OrderedJSONError) -> JSONValue {
    // No token starts with a zero byte, which stands for the end here.
    switch nextToken ?? 0 {
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    case UInt8(ascii: "n") where take(literally: "null"): return .null
    case UInt8(ascii: "t") where take(literally: "true"): return .boolean(true)
    case UInt8(ascii: "f") where take(literally: "false"): return .boolean(false)
    default:
      guard let spelling = takeNonFiniteNumber() else { throw failure("expected a value") }
      return .number(spelling)
    }
  }

  private func check(depth: Int) throws(OrderedJSONError) {
    guard depth <= options.nestingLimit else {
      throw failure("nests deeper than \(options.nestingLimit) levels", .nestedTooDeep)
    }
  }

  private mutating func array(depth: Int) throws(OrderedJSONError) -> [JSONValue] {
    try check(depth: depth)
    var elements: [JSONValue] = []
    var hasMore = try beginArray()
    while hasMore {
      elements.append(try value(depth: depth))
      hasMore = try nextElement()
    }
    return elements
  }

  private mutating func object(depth: Int) throws(OrderedJSONError) -> JSONObject {
    try check(depth: depth)
    var members: [JSONObject.Member] = []
    var places: [ExactText: Int] = [:]
    var hasMore = try beginObject()
    while hasMore {
      let key = try key()
      let earlier = options.repeatedKeys == .kept ? nil : places[ExactText(key)]
      if earlier != nil, options.repeatedKeys == .refused {
        throw failure("the key “\(key.prefix(60))” stands twice in an object", .repeatedKey)
      }
      let value = try value(depth: depth)
      if let earlier {
        members[earlier].value = value
      } else {
        if options.repeatedKeys != .kept { places[ExactText(key)] = members.count }
        members.append(.init(key: key, value: value))
      }
      hasMore = try nextMember()
    }
    return JSONObject(members)
  }
}
