// SPDX-License-Identifier: Apache-2.0

/// From a token's bytes to its id.
struct TokenIndex: Sendable {
  private var contents: ByteStringTable
  private var ids: [Int32] = []

  /// Makes an empty index.
  init(minimumCapacity: Int = 8) { contents = ByteStringTable(minimumCapacity: minimumCapacity) }

  /// Adds a token and tells whether its bytes were new; where they were not nothing changes.
  @discardableResult
  mutating func insert(_ content: [UInt8], id: Int32) -> Bool {
    let (_, isNew) = contents.insert(content)
    if isNew { ids.append(id) }
    return isNew
  }

  /// The id of a token.
  func id(of content: UnsafeRawBufferPointer) -> Int32? { contents.find(content).map { ids[$0] } }

  /// The id of a token.
  func id(of content: [UInt8]) -> Int32? { contents.find(content).map { ids[$0] } }

  /// The id of a token.
  func id(of content: String) -> Int32? { id(of: Array(content.utf8)) }
}
