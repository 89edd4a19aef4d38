// SPDX-License-Identifier: Apache-2.0

/// The members of a JSON object in their order.
///
/// A key may stand twice, as in the text that was read; see ``JSONScanner/Options``.
public struct JSONObject: Sendable, Hashable {
  /// The members in their order.
  public private(set) var members: [Member]

  /// A key and its value.
  public struct Member: Sendable, Hashable {
    /// The key, its escapes resolved.
    public var key: String
    /// The value.
    public var value: JSONValue

    /// Makes a member.
    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }

    /// Whether keys are equal to the byte and values are the same.
    public static func == (left: Member, right: Member) -> Bool {
      ExactText(left.key) == ExactText(right.key) && left.value == right.value
    }

    /// Feeds the member to a hasher.
    public func hash(into hasher: inout Hasher) {
      hasher.combine(ExactText(key))
      hasher.combine(value)
    }
  }

  /// Makes an object of members in their order.
  public init(_ members: [Member] = []) { self.members = members }

  /// Reads a member, replaces it in its place, or appends it; nil removes it.
  ///
  /// Keys are compared one after another; of a key that stands twice the last member is meant.
  public subscript(key: String) -> JSONValue? {
    get { index(of: key).map { members[$0].value } }
    set {
      switch (index(of: key), newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  private func index(of key: String) -> Int? {
    let key = ExactText(key)
    return members.lastIndex { ExactText($0.key) == key }
  }

  /// The members in the order of their keys' Unicode scalars, as Python sorts them.
  public func sorted() -> JSONObject {
    JSONObject(members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
  }
}
