// SPDX-License-Identifier: Apache-2.0

extension PreTokenizer {
  /// A cut at the occurrences of a text.
  struct TextSplit: Sendable, Equatable {
    /// What becomes of an occurrence, by the names of `tokenizer.json`.
    enum Behavior: String, Sendable, CaseIterable {
      case removed = "Removed"
      case isolated = "Isolated"
      case mergedWithPrevious = "MergedWithPrevious"
      case mergedWithNext = "MergedWithNext"
      case contiguous = "Contiguous"
    }
    var text: [UInt8]
    var behavior: Behavior
    /// Whether what lies between the occurrences counts as one, and they do not.
    var inverts: Bool
  }
}

extension PreTokenizer.TextSplit {
  private struct Piece {
    var start: Int
    var end: Int
    var isMatch: Bool
  }

  /// Calls `body` with the bounds of each piece, in order.
  func forEachPiece(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void) {
    let pieces = matched(bytes)
    let kept: [Piece] =
      switch behavior {
      case .removed: pieces.filter { !$0.isMatch }
      case .isolated: pieces
      case .mergedWithPrevious: merged(pieces) { $0.isMatch && !$1.isMatch }
      // Seen from the end; of occurrences in a row only the last has something after it.
      case .mergedWithNext: mergedWithNext(pieces)
      case .contiguous: merged(pieces) { $0.isMatch == $1.isMatch }
      }
    for piece in kept { body(piece.start, piece.end) }
  }

  /// The occurrences, from the left and without overlap, and what lies between them.
  private func matched(_ bytes: UnsafeBufferPointer<UInt8>) -> [Piece] {
    var pieces: [Piece] = []
    var start = 0
    var index = 0
    func add(_ start: Int, _ end: Int, _ isMatch: Bool) {
      if start < end { pieces.append(Piece(start: start, end: end, isMatch: isMatch != inverts)) }
    }
    while index < bytes.count {
      guard bytes[index] == text[0], bytes[index...].starts(with: text) else {
        index += 1
        continue
      }
      add(start, index, false)
      start = index + text.count
      add(index, start, true)
      index = start
    }
    add(start, bytes.count, false)
    return pieces
  }

  /// Joins each piece to the one before it where `joins` says so of it and its neighbour.
  private func merged(_ pieces: [Piece], _ joins: (Piece, Piece) -> Bool) -> [Piece] {
    var result: [Piece] = []
    var previous: Piece?
    for piece in pieces {
      if let previous, joins(piece, previous) {
        result[result.count - 1].end = piece.end
      } else {
        result.append(piece)
      }
      previous = piece
    }
    return result
  }

  private func mergedWithNext(_ pieces: [Piece]) -> [Piece] {
    var result: [Piece] = []
    for (place, piece) in pieces.enumerated() {
      if !piece.isMatch, place > 0, pieces[place - 1].isMatch {
        result[result.count - 1].end = piece.end
      } else {
        result.append(piece)
      }
    }
    return result
  }
}
