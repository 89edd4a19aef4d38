// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct BatchStreamTests {
  /// Tokens that are all different, so that a token tells its place.
  private func tokens(_ count: Int) throws -> InMemoryTokens {
    try InMemoryTokens((0..<Int32(count)).map { $0 }, vocabularySize: count)
  }

  @Test(arguments: [1, 3, 8], [1, 5, 16])
  func sequentialOrderFollowsTheFormula(sequenceCount: Int, length: Int) throws {
    let total = 101
    var stream = try BatchStream(
      tokens(total), contextLength: length, order: .sequential, seed: 3)
    for step in 0..<40 {
      let batch = try stream.next(sequenceCount: sequenceCount, sequenceLength: length)
      for sequence in 0..<sequenceCount {
        let start = (step * sequenceCount + sequence) * length
        let expected = (0...length).map { Int32((start + $0) % total) }
        let places = sequence * length..<(sequence + 1) * length
        #expect(Array(batch.inputs[places]) == Array(expected.dropLast()))
        #expect(Array(batch.targets[places]) == Array(expected.dropFirst()))
      }
      let given = (step + 1) * sequenceCount * length
      #expect(stream.cursor.epoch == given / total && stream.cursor.position == given % total)
    }
  }

  @Test func sequentialOrderGoesOnWhereItStoodWhateverTheLength() throws {
    var stream = try BatchStream(tokens(1000), contextLength: 32, order: .sequential, seed: 0)
    var next: Int32 = 0
    for (count, length) in [(1, 4), (3, 7), (2, 32), (5, 9), (4, 32)] {
      let batch = try stream.next(sequenceCount: count, sequenceLength: length)
      #expect(batch.inputs == (0..<Int32(count * length)).map { next + $0 })
      next += Int32(count * length)
    }
  }

  @Test func shuffledOrderIsAPermutationOfWindows() throws {
    let (total, length) = (1003, 10)
    var stream = try BatchStream(tokens(total), contextLength: length, order: .shuffled, seed: 1)
    #expect(stream.pairsPerEpoch == 1000)
    var orders: [[Int32]] = []
    for epoch in 0..<3 {
      var starts: [Int32] = []
      for _ in 0..<25 {
        #expect(stream.cursor.epoch == epoch)
        let batch = try stream.next(sequenceCount: 4, sequenceLength: length)
        for sequence in 0..<4 {
          let inputs = batch.inputs[sequence * length..<(sequence + 1) * length]
          let first = try #require(inputs.first)
          #expect(first % 10 == 0)
          #expect(Array(inputs) == (0..<10).map { first + $0 })
          starts.append(first)
        }
        #expect(batch.targets == batch.inputs.map { $0 + 1 })
      }
      #expect(starts.sorted() == (0..<100).map { $0 * 10 })
      orders.append(starts)
    }
    #expect(Set(orders).count == 3)
    var other = try BatchStream(tokens(total), contextLength: length, order: .shuffled, seed: 2)
    let batch = try other.next(sequenceCount: 100, sequenceLength: length)
    #expect(stride(from: 0, to: 1000, by: 10).map { batch.inputs[$0] } != orders[0])
  }

  /// Batch shapes that change, also in the middle of windows and at the ends of epochs.
  private let shapes = [(2, 3), (1, 7), (4, 16), (3, 5), (1, 16), (2, 15), (7, 1), (2, 16)]

  @Test func shuffledOrderGivesEachTargetOnceAnEpoch() throws {
    let (total, context) = (500, 16)
    var stream = try BatchStream(tokens(total), contextLength: context, order: .shuffled, seed: 4)
    var givenBefore: [Int32: Int] = [:]
    var fullWindows = 0
    for step in 0..<400 {
      let (count, length) = shapes[step % shapes.count]
      let batch = try stream.next(sequenceCount: count, sequenceLength: length)
      for (input, target) in zip(batch.inputs, batch.targets) where target >= 0 {
        #expect(target == input + 1)
        givenBefore[target, default: 0] += 1
      }
      guard length == context else { continue }
      for sequence in 0..<count {
        // A full sequence is a whole window.
        let first = batch.inputs[sequence * context]
        #expect(first % 16 == 0)
        #expect(batch.inputs[sequence * context + 15] == first + 15)
        // Only the first sequence can have targets that were given before.
        let given = batch.targets[sequence * context..<(sequence + 1) * context].prefix { $0 < 0 }
        #expect(sequence == 0 || given.isEmpty)
        fullWindows += 1
      }
    }
    #expect(fullWindows == 350)
    // After E whole epochs and part of another, each target was given E or E + 1 times.
    let epochs = stream.cursor.epoch
    #expect(epochs > 10)
    #expect(givenBefore.count == stream.pairsPerEpoch)
    #expect(givenBefore.values.allSatisfy { $0 == epochs || $0 == epochs + 1 })
    #expect(
      givenBefore.values.reduce(0, +) == epochs * stream.pairsPerEpoch + stream.cursor.position)
  }

  @Test(arguments: BatchStream.Order.allCases) func cursorRestoresExactly(
    order: BatchStream.Order
  ) throws {
    let source = try tokens(333)
    var stream = try BatchStream(source, contextLength: 16, order: order, seed: 8)
    for step in 0..<60 {
      let saved = try JSONEncoder().encode(stream.cursor)
      let cursor = try JSONDecoder().decode(BatchStream.Cursor.self, from: saved)
      #expect(cursor == stream.cursor)
      var restored = try BatchStream(source, at: cursor)
      for ahead in 0..<3 {
        let (count, length) = shapes[(step + ahead) % shapes.count]
        let batch = try restored.next(sequenceCount: count, sequenceLength: length)
        if ahead == 0 {
          #expect(try stream.next(sequenceCount: count, sequenceLength: length) == batch)
        }
      }
    }
  }

  @Test func cursorHasStableNames() throws {
    let stream = try BatchStream(tokens(10), contextLength: 4, order: .shuffled, seed: 1)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(stream.cursor), as: UTF8.self)
        == #"{"contextLength":4,"epoch":0,"order":"shuffled","position":0,"seed":1,"tokenCount":10}"#
    )
  }

  @Test func refusesCursorsOfOtherData() throws {
    var cursor = try BatchStream(tokens(100), contextLength: 8, order: .shuffled, seed: 0).cursor
    #expect(textError { _ = try BatchStream(tokens(101), at: cursor) }?.code == .invalidShard)
    for position in [-1, 96, Int.max] {
      cursor.position = position
      #expect(textError { _ = try BatchStream(tokens(100), at: cursor) }?.code == .invalidShard)
    }
    cursor.position = 0
    cursor.contextLength = 0
    #expect(textError { _ = try BatchStream(tokens(100), at: cursor) }?.code == .invalidShard)
  }

  @Test func saysHowManyTokensAreMissing() throws {
    let error = textError {
      _ = try BatchStream(tokens(16), contextLength: 16, order: .shuffled, seed: 0)
    }
    #expect(error?.code == .insufficientTokens)
    #expect(
      error?.message.contains("has 16 tokens; one sequence of 16 and the token after it take 17")
        == true)
    _ = try BatchStream(tokens(17), contextLength: 16, order: .shuffled, seed: 0)
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 16, 17, 100, 255, 256, 257, 10_000])
  func permutationsReachEveryPlaceOnce(count: Int) {
    for seed: UInt64 in 0..<4 {
      let permutation = SequencePermutation(count: count, seed: seed, epoch: Int(seed) * 3)
      let numbers = (0..<count).map { permutation[$0] }
      #expect(numbers.sorted() == Array(0..<count))
    }
  }

  /// A fair shuffle leaves one number in place on average, and puts each number in each place
  /// equally often.
  @Test func permutationsAreFair() {
    let (count, trials) = (6, 6000)
    var table = [Int](repeating: 0, count: count * count)
    var orders: Set<[Int]> = []
    for epoch in 0..<trials {
      let permutation = SequencePermutation(count: count, seed: 77, epoch: epoch)
      orders.insert((0..<count).map { permutation[$0] })
      for place in 0..<count { table[place * count + permutation[place]] += 1 }
    }
    // 36 cells of mean 1000 and deviation 29: five deviations.
    #expect(table.allSatisfy { (855...1145).contains($0) }, "\(table)")
    #expect(orders.count > 700)
  }

  @Test func permutationsWorkInTheMiddleOfHugeRanges() {
    let count = 1 << 40 + 12_345
    let permutation = SequencePermutation(count: count, seed: 1, epoch: 1)
    let numbers = Set((0..<1000).map { permutation[$0 * 1_000_003] })
    #expect(numbers.count == 1000)
    #expect(numbers.contains { $0 > count / 2 } && numbers.contains { $0 < count / 2 })
  }

  @Test func aCursorKnowsItsData() throws {
    let folder = try TemporaryFolder()
    func train(_ text: String, _ name: String) throws -> TokenSplit {
      try prepared([try folder.write("\(name).txt", text)], in: folder, name: name).train
    }
    let first = try train("a text of some length", "first")
    var stream = try BatchStream(first, contextLength: 4, order: .shuffled, seed: 1)
    _ = try stream.next(sequenceCount: 2, sequenceLength: 4)
    let cursor = stream.cursor
    #expect(cursor.dataset == first.identity && cursor.dataset != nil)
    #expect(try BatchStream(train("a text of some length", "again"), at: cursor).cursor == cursor)
    let other = try train("A text of that length", "other")
    #expect(other.tokenCount == first.tokenCount && !cursor.belongs(to: other))
    let error = textError { _ = try BatchStream(other, at: cursor) }
    #expect(error?.code == .invalidShard && error?.subject == other.subject)
    #expect(error?.message.contains("not the data that the run began with") == true)
  }

  @Test func aCursorOfAnEarlierVersionOpensAnyDataOfItsSize() throws {
    let folder = try TemporaryFolder()
    let train = try prepared([try folder.write("a.txt", "some text")], in: folder).train
    let saved = """
      {"order":"sequential","seed":1,"contextLength":4,"tokenCount":\(train.tokenCount),
      "epoch":0,"position":3}
      """
    let cursor = try JSONDecoder().decode(BatchStream.Cursor.self, from: Data(saved.utf8))
    #expect(cursor.dataset == nil)
    #expect(try BatchStream(train, at: cursor).cursor.dataset == train.identity)
  }
}
