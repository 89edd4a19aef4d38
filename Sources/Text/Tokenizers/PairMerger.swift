// SPDX-License-Identifier: Apache-2.0
import HeapModule

/// Finds merges: the pair seen most often becomes a token, again and again.
///
/// Ties go to the smallest pair of ids. Two habits of the reference (`BpeTrainer`) are kept because
/// ids depend on them: a pair's count stays after its merge, and a pair that comes anew, because two
/// ways of merging made the same token, is queued once more with its new places only and merges
/// again; its last rank counts.
struct PairMerger {
  /// Spelling of each token.
  private(set) var tokens: [[UInt8]]
  private var index = TokenIndex()
  private var merges: [(left: Int32, right: Int32)] = []
  private let minimumFrequency: Int

  /// Symbols of all words end to end; word i has `lengths[i]` of them from `starts[i]`.
  private var symbols: [Int32] = []
  private var starts: [Int] = []
  private var lengths: [Int32] = []
  private let counts: [Int]

  private var pairs = PairCounter()
  /// Places where pairs came to be since the queue was last filled.
  private var fresh: [(pair: Int, words: [Int32])] = []
  private var queue = Heap<Candidate>()
  private var places: [[Int32]] = []

  /// A pair in the queue with the list of words where it may stand.
  private struct Candidate: Comparable {
    var count: Int
    var pair: UInt64
    var number: Int
    var places: Int
    static func < (one: Candidate, other: Candidate) -> Bool {
      one.count != other.count ? one.count < other.count : one.pair > other.pair
    }
  }

  /// Splits the words into the symbols of their bytes.
  init(words: WordCounts, alphabet: [[UInt8]], minimumFrequency: Int) {
    tokens = alphabet
    self.minimumFrequency = minimumFrequency
    counts = words.counts
    for (id, token) in alphabet.enumerated() { index.insert(token, id: Int32(id)) }
    let ids = (UInt8(0)...255).map { index.id(of: ByteLevelAlphabet.spelling(of: [$0])) ?? 0 }
    symbols = words.words.arena.map { ids[Int($0)] }
    for word in counts.indices {
      let range = words.words.range(word)
      starts.append(range.lowerBound)
      lengths.append(Int32(truncatingIfNeeded: range.count))
    }
    countPairs()
  }

  private mutating func countPairs() {
    for word in counts.indices {
      let start = starts[word]
      for place in start..<max(start, start + Int(lengths[word]) - 1) {
        let key = PairTable.key(symbols[place], symbols[place + 1])
        add(key, counts[word], word)
      }
    }
    fillQueue()
  }

  /// Adds to a pair's count, and for a gain remembers the word.
  @inline(__always)
  private mutating func add(_ key: UInt64, _ change: Int, _ word: Int) {
    let pair = pairs.number(of: key)
    pairs.counts[pair] += change
    guard change > 0 else { return }
    var slot = pairs.fresh[pair]
    if slot < 0 {
      slot = Int32(truncatingIfNeeded: fresh.count)
      pairs.fresh[pair] = slot
      fresh.append((pair, []))
    }
    let word = Int32(truncatingIfNeeded: word)
    if fresh[Int(slot)].words.last != word { fresh[Int(slot)].words.append(word) }
  }

  private mutating func fillQueue() {
    for (pair, words) in fresh {
      pairs.fresh[pair] = -1
      guard pairs.counts[pair] > 0 else { continue }
      queue.insert(
        Candidate(
          count: pairs.counts[pair], pair: pairs.keys[pair], number: pair, places: places.count))
      places.append(words)
    }
    fresh.removeAll(keepingCapacity: true)
  }

  /// Merges until there are so many tokens, or no pair is frequent enough.
  mutating func run(until wanted: Int, progress: (Int) throws -> Void) rethrows {
    while tokens.count < wanted, var top = queue.popMax() {
      let count = pairs.counts[top.number]
      if top.count != count {
        top.count = count
        queue.insert(top)
        continue
      }
      guard count >= minimumFrequency else { break }
      merge(top)
      if tokens.count % 512 == 0 { try progress(tokens.count) }
    }
    try progress(tokens.count)
  }

  private mutating func merge(_ candidate: Candidate) {
    let left = Int32(truncatingIfNeeded: candidate.pair >> 32)
    let right = Int32(truncatingIfNeeded: candidate.pair & 0xFFFF_FFFF)
    let content = tokens[Int(left)] + tokens[Int(right)]
    let id = index.id(of: content) ?? Int32(truncatingIfNeeded: tokens.count)
    if index.insert(content, id: id) { tokens.append(content) }
    merges.append((left, right))
    let words = places[candidate.places]
    places[candidate.places] = []
    for word in words { merge(left, right, into: id, word: Int(word)) }
    fillQueue()
  }

  /// Merges a pair wherever it stands in a word, from the left, and counts what changes.
  private mutating func merge(_ left: Int32, _ right: Int32, into id: Int32, word: Int) {
    let start = starts[word]
    let end = start + Int(lengths[word])
    let count = counts[word]
    var target = start
    var source = start
    while source < end {
      guard source + 1 < end, symbols[source] == left, symbols[source + 1] == right else {
        symbols[target] = symbols[source]
        target += 1
        source += 1
        continue
      }
      if target > start {
        add(PairTable.key(symbols[target - 1], left), -count, word)
        add(PairTable.key(symbols[target - 1], id), count, word)
      }
      if source + 2 < end {
        add(PairTable.key(right, symbols[source + 2]), -count, word)
        add(PairTable.key(id, symbols[source + 2]), count, word)
      }
      symbols[target] = id
      target += 1
      source += 2
    }
    lengths[word] = Int32(truncatingIfNeeded: target - start)
  }

  /// The merges in order, each pair once, at its last rank.
  var distinctMerges: [(left: Int32, right: Int32)] {
    var seen: Set<UInt64> = []
    let kept = merges.reversed().filter { seen.insert(PairTable.key($0.left, $0.right)).inserted }
    return kept.reversed()
  }
}

/// Pairs numbered in the order in which they came, with a count each.
private struct PairCounter {
  private(set) var keys: [UInt64] = []
  var counts: [Int] = []
  /// The pair's slot among the fresh ones, −1 for none.
  var fresh: [Int32] = []
  private var slots = [Int32](repeating: -1, count: 1 << 12)
  private var shift: UInt64 = 64 - 12

  /// The number of a pair, which is added where it is new.
  @inline(__always)
  mutating func number(of key: UInt64) -> Int {
    var slot = home(key)
    while slots[slot] >= 0 {
      if keys[Int(slots[slot])] == key { return Int(slots[slot]) }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(truncatingIfNeeded: keys.count)
    keys.append(key)
    counts.append(0)
    fresh.append(-1)
    if keys.count * 2 > slots.count { grow() }
    return keys.count - 1
  }

  @inline(__always)
  private func home(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: ((key ^ key >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  private mutating func grow() {
    shift -= 1
    slots = [Int32](repeating: -1, count: slots.count * 2)
    for (number, key) in keys.enumerated() {
      var slot = home(key)
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(truncatingIfNeeded: number)
    }
  }
}
