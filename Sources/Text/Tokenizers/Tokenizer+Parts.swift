// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A tokenizer of which it is known whether long texts can be cut.
protocol DivisibleTokenizer: Tokenizer {
  /// Whether a cut before a space that stands after a visible ASCII character changes no id.
  var allowsCuts: Bool { get }
}

extension ByteTokenizer: DivisibleTokenizer {
  var allowsCuts: Bool { true }
}

/// Where texts can be cut.
enum TextCut {
  /// Where a part that begins at `start` and has at least `size` bytes can end.
  ///
  /// That is before a space that stands after a visible ASCII character. There every word pattern
  /// ends a word whatever follows, nothing composes, and no sequence of UTF-8 goes on.
  static func end(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, size: Int) -> Int {
    guard size > 0, bytes.count - start > size else { return bytes.count }
    var index = start + size
    while index < bytes.count {
      if bytes[index] == 0x20, (0x21...0x7E).contains(bytes[index - 1]) { return index }
      index += 1
    }
    return bytes.count
  }
}

extension Tokenizer {
  /// Ranges of a long text, each of at least `size` bytes but the last, whose ids one after another
  /// are the ids of the whole.
  ///
  /// One range where the tokenizer's parts do not allow cuts (those of SentencePiece's kind put a
  /// space before each text) or the text has no place for one.
  public func parts(of utf8: UnsafeRawBufferPointer, size: Int) -> [Range<Int>] {
    guard (self as? any DivisibleTokenizer)?.allowsCuts == true else { return [0..<utf8.count] }
    let bytes = utf8.bindMemory(to: UInt8.self)
    var parts: [Range<Int>] = []
    var start = 0
    repeat {
      let end = TextCut.end(bytes, from: start, size: size)
      parts.append(start..<end)
      start = end
    } while start < bytes.count
    return parts
  }

  /// The ids of one long text, its parts encoded by several threads; `threadCount` nil takes one a
  /// core.
  public func encode(
    _ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool, threadCount: Int?
  ) -> [Int32] {
    let parts = parts(of: utf8, size: 1 << 18)
    var results = [[Int32]](repeating: [], count: parts.count)
    results.withUnsafeMutableBufferPointer { buffer in
      // Each index is written by the one thread that took it, the text only read.
      nonisolated(unsafe) let slots = buffer
      nonisolated(unsafe) let text = utf8
      ParallelLoop.run(count: parts.count, threadCount: threadCount) { index, _ in
        slots[index] = encode(
          UnsafeRawBufferPointer(rebasing: text[parts[index]]),
          allowsSpecialTokens: allowsSpecialTokens)
      }
    }
    return results.count == 1 ? results[0] : Array(results.joined())
  }
}
