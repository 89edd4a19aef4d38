// SPDX-License-Identifier: Apache-2.0

/// What a tokenizer does to text before it looks for words.
struct Normalizer: Sendable, Equatable {
  /// One thing done, in order.
  enum Step: Sendable, Equatable {
    case form(UnicodeForm)
    case prepend([UInt8])
    case replace(pattern: [UInt8], with: [UInt8])
  }
  let steps: [Step]
  /// Whether a text can be cut before a space and each part normalized by itself.
  var allowsCuts: Bool {
    steps.allSatisfy { if case .form = $0 { true } else { false } }
  }

  /// Calls `body` with the normalized text; nothing is copied where nothing changes.
  @inline(__always)
  func withNormalized(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    var changed: [UInt8]?
    for step in steps {
      let next: [UInt8]? =
        changed.map { $0.withUnsafeBufferPointer { Self.apply(step, to: $0) } }
        ?? Self.apply(step, to: text)
      if let next { changed = next }
    }
    if let changed { changed.withUnsafeBufferPointer(body) } else { body(text) }
  }

  /// The normalized text.
  func normalized(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    text.withUnsafeBufferPointer { withNormalized($0) { result = Array($0) } }
    return result
  }

  /// The text after one step; nil where the step changes nothing.
  private static func apply(_ step: Step, to text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    switch step {
    case .form(let form): return form.apply(to: text)
    case .prepend(let prefix): return text.isEmpty ? nil : prefix + text
    case .replace(let pattern, let replacement):
      return ByteReplacement.replace(pattern, with: replacement, in: text)
    }
  }
}

/// Replacement of byte strings.
enum ByteReplacement {
  /// The text with each occurrence replaced, from the left and without overlap; nil where there
  /// is none.
  static func replace(
    _ pattern: [UInt8], with replacement: [UInt8], in text: UnsafeBufferPointer<UInt8>
  ) -> [UInt8]? {
    guard let first = pattern.first else { return nil }
    var places: [Int] = []
    var index = 0
    while index < text.count {
      if text[index] == first, text[index...].starts(with: pattern) {
        places.append(index)
        index += pattern.count
      } else {
        index += 1
      }
    }
    guard !places.isEmpty else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + places.count * (replacement.count - pattern.count))
    var start = 0
    for place in places {
      result.append(contentsOf: text[start..<place])
      result.append(contentsOf: replacement)
      start = place + pattern.count
    }
    result.append(contentsOf: text[start...])
    return result
  }
}
