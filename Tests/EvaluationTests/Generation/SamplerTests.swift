// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Tensors
import Testing

@Suite("Sampler") struct SamplerTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      var temperature: Double
      var topK: Int?
      var topP: Double?
      var probabilities: [Double]
    }
    var logits: [Float]
    var cases: [Case]
  }

  @Test("leaves the probabilities that transformers' warpers leave") func golden() throws {
    let golden = try readGolden(Golden.self, "sampling.json")
    for item in golden.cases {
      let sampler = try Sampler(temperature: item.temperature, topK: item.topK, topP: item.topP)
      var found = [Double](repeating: 0, count: golden.logits.count)
      for (token, probability) in try sampler.probabilities(from: golden.logits) {
        found[Int(token)] = probability
      }
      #expect(zip(found, item.probabilities).allSatisfy { abs($0 - $1) <= 1e-12 }, "\(sampler)")
    }
  }

  @Test(
    "draws follow the probabilities (chi-square, fixed seed)",
    arguments: [(1.0, nil, nil), (0.7, 5, nil), (1.5, nil, 0.8), (1, 6, 0.9)]
      as [(Double, Int?, Double?)])
  func distribution(_ temperature: Double, _ topK: Int?, _ topP: Double?) throws {
    let logits: [Float] = [0.5, -1, 2, 2, 0, -0.25, 1.5, -3, 1, 0.75]
    let sampler = try Sampler(temperature: temperature, topK: topK, topP: topP)
    let expected = try sampler.probabilities(from: logits)
    let count = 20_000
    var seen = [Int](repeating: 0, count: logits.count)
    let random = Philox(seed: 11)
    for index in 0..<count {
      let words = random.words(block: UInt64(index), stream: 0)
      seen[Int(try sampler.token(from: logits, draw: Double(words.x) * 0x1p-32))] += 1
    }
    let statistic = expected.reduce(0) { sum, item in
      let mean = item.probability * Double(count)
      let difference = Double(seen[Int(item.token)]) - mean
      return sum + difference * difference / mean
    }
    // The 99.9 % points of chi-square for 1 … 9 degrees of freedom.
    let limits = [10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88]
    #expect(statistic < limits[expected.count - 2])
    #expect(seen.reduce(0, +) == expected.reduce(0) { $0 + seen[Int($1.token)] })
  }

  @Test("ties go to the lowest ids") func ties() throws {
    let logits: [Float] = [0, 3, 1, 3, 3, 1]
    #expect(try Sampler.greedy.token(from: logits, draw: 0.99) == 1)
    #expect(try Sampler(topK: 1).token(from: logits, draw: 0.99) == 1)
    #expect(try Sampler(topK: 2).probabilities(from: logits).map(\.token) == [1, 3])
    #expect(try Sampler(topK: 4).probabilities(from: logits).map(\.token) == [1, 2, 3, 4])
    #expect(try Sampler(topP: 0.5).probabilities(from: logits).map(\.token) == [1, 3])
    #expect(try Sampler(topP: 1e-9).probabilities(from: logits).map(\.token) == [1])
  }

  @Test("filters that let all pass change no draw") func neutral() throws {
    let logits = (0..<30).map { Float(($0 * 13) % 30) / 7 }
    for draw in stride(from: 0.0, to: 1, by: 0.013) {
      let plain = try Sampler().token(from: logits, draw: draw)
      #expect(try Sampler(topK: 30, topP: 1).token(from: logits, draw: draw) == plain)
      #expect(try Sampler(topK: 99).token(from: logits, draw: draw) == plain)
    }
  }

  @Test("draws at the ends and impossible tokens") func ends() throws {
    let logits: [Float] = [-.infinity, 0, -.infinity, 0, -.infinity]
    let sampler = try Sampler()
    #expect(try sampler.token(from: logits, draw: 0) == 1)
    #expect(try sampler.token(from: logits, draw: 0.4999) == 1)
    #expect(try sampler.token(from: logits, draw: 0.5) == 3)
    #expect(try sampler.token(from: logits, draw: 1) == 3)
    #expect(try Sampler(temperature: 1e-300).token(from: [0, 1, 0.5], draw: 0.7) == 1)
    #expect(try Sampler(temperature: 1e300).token(from: [0, 1, 0.5], draw: 0.7) == 2)
  }

  @Test(
    "logits that are none are errors",
    arguments: [[], [0, .nan, 1], [.nan], [0, .infinity], [-.infinity, -.infinity]] as [[Float]])
  func invalidLogits(_ logits: [Float]) throws {
    for sampler in [Sampler.greedy, try Sampler(), try Sampler(topK: 1, topP: 0.5)] {
      let error = #expect(throws: EvaluationError.self) {
        try sampler.token(from: logits, draw: 0.5)
      }
      #expect(error?.code == .nonFiniteLogits)
    }
  }

  @Test(
    "settings out of range are errors",
    arguments: [
      (-1, nil, nil), (.nan, nil, nil), (.infinity, nil, nil), (1, 0, nil), (1, nil, 0),
      (1, nil, 1.1), (1, nil, .nan),
    ] as [(Double, Int?, Double?)])
  func settings(_ temperature: Double, _ topK: Int?, _ topP: Double?) {
    #expect(throws: EvaluationError.self) {
      try Sampler(temperature: temperature, topK: topK, topP: topP)
    }
  }
}
