// SPDX-License-Identifier: Apache-2.0
import HeapModule

/// The merge engine: a word's bytes to ids.
///
/// The pair of lowest rank merges first, the leftmost among equals, until no pair is left that
/// merges (Sennrich, Haddow and Birch, 2016).
struct BytePairModel: Sendable {
  let pairs: PairTable
  let alphabet: SymbolAlphabet
  /// Whole words and their ids, for models that look these up before they merge.
  let wholeWords: TokenIndex?
  /// Where text without a pre-tokenizer can be cut; nil for other models.
  let boundaries: MetaspaceBoundaries?

  /// Appends the ids of a word; `available` bytes can be read from where it begins.
  @inline(__always)
  func encode(
    _ word: UnsafePointer<UInt8>, count: Int, available: Int, into workspace: EncodingWorkspace
  ) {
    if let boundaries {
      boundaries.forEachPart(word, count: count) { start, end in
        encodePart(word + start, count: end - start, available: available - start, into: workspace)
      }
    } else {
      encodePart(word, count: count, available: available, into: workspace)
    }
  }

  @inline(__always)
  private func encodePart(
    _ word: UnsafePointer<UInt8>, count: Int, available: Int, into workspace: EncodingWorkspace
  ) {
    guard count > 0 else { return }
    workspace.reserveIDs(16)
    guard count <= WordCache.longestWord else {
      return encodeUncached(word, count: count, into: workspace)
    }
    let key = WordCache.key(word, count: count, available: available)
    let found = workspace.cache.copy(key, to: workspace.ids + workspace.count)
    if found >= 0 {
      workspace.count += found
      return
    }
    let start = workspace.count
    encodeUncached(word, count: count, into: workspace)
    workspace.cache.insert(key, workspace.ids + start, count: workspace.count - start)
  }

  @inline(never)
  private func encodeUncached(
    _ word: UnsafePointer<UInt8>, count: Int, into workspace: EncodingWorkspace
  ) {
    let bytes = UnsafeBufferPointer(start: word, count: count)
    if let id = wholeWords?.id(of: UnsafeRawBufferPointer(bytes)) { return workspace.append(id) }
    workspace.reserveSymbols(alphabet.symbolBound(byteCount: count))
    let symbolCount = alphabet.symbols(of: bytes, into: workspace.symbols)
    guard symbolCount > 0 else { return }
    if symbolCount <= EncodingWorkspace.shortWord {
      mergeShort(symbolCount, workspace)
    } else {
      mergeLong(symbolCount, workspace)
    }
  }

  /// Merges by scanning for the lowest rank: quadratic, and quickest for short words.
  private func mergeShort(_ symbolCount: Int, _ workspace: EncodingWorkspace) {
    let symbols = workspace.symbols
    let ranks = workspace.ranks
    let merged = workspace.merged
    var count = symbolCount
    for index in 0..<count - 1 {
      let slot = pairs.find(symbols[index], symbols[index + 1])
      ranks[index] = slot.rank
      merged[index] = slot.merged
    }
    while count > 1 {
      var best = 0
      var lowest = ranks[0]
      for index in 1..<max(count - 1, 1) where ranks[index] < lowest {
        lowest = ranks[index]
        best = index
      }
      guard lowest != PairTable.none else { break }
      symbols[best] = merged[best]
      count -= 1
      for index in best + 1..<max(count, best + 1) {
        symbols[index] = symbols[index + 1]
        ranks[index - 1] = ranks[index]
        merged[index - 1] = merged[index]
      }
      if best + 1 < count { update(best, workspace) }
      if best > 0 { update(best - 1, workspace) }
    }
    workspace.reserveIDs(count)
    (workspace.ids + workspace.count).update(from: symbols, count: count)
    workspace.count += count
  }

  @inline(__always)
  private func update(_ index: Int, _ workspace: EncodingWorkspace) {
    let slot = pairs.find(workspace.symbols[index], workspace.symbols[index + 1])
    workspace.ranks[index] = slot.rank
    workspace.merged[index] = slot.merged
  }

  /// A pair that may merge, at the place of its left symbol.
  private struct Candidate: Comparable {
    var rank: UInt32
    var merged: Int32
    var position: Int
    static func < (one: Candidate, other: Candidate) -> Bool {
      (one.rank, one.position) < (other.rank, other.position)
    }
  }

  /// Merges with a heap of candidates and a linked list of symbols: n log n for n symbols.
  private func mergeLong(_ symbolCount: Int, _ workspace: EncodingWorkspace) {
    let symbols = workspace.symbols
    // Neighbours of each symbol; a symbol that was merged away is its own neighbour.
    var next = Array(1...symbolCount)
    var previous = Array(-1..<symbolCount - 1)
    func candidate(_ position: Int, _ right: Int) -> Candidate? {
      let slot = pairs.find(symbols[position], symbols[right])
      guard slot.rank != PairTable.none else { return nil }
      return Candidate(rank: slot.rank, merged: slot.merged, position: position)
    }
    var heap = Heap((0..<symbolCount - 1).compactMap { candidate($0, $0 + 1) })
    while let top = heap.popMin() {
      let position = top.position
      let right = next[position]
      guard right != position, right < symbolCount,
        pairs.find(symbols[position], symbols[right]).rank == top.rank
      else { continue }
      symbols[position] = top.merged
      let following = next[right]
      next[position] = following
      next[right] = right
      if following < symbolCount {
        previous[following] = position
        if let new = candidate(position, following) { heap.insert(new) }
      }
      if previous[position] >= 0, let new = candidate(previous[position], position) {
        heap.insert(new)
      }
    }
    var position = 0
    while position < symbolCount {
      workspace.append(symbols[position])
      position = next[position]
    }
  }
}
