// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Tensors
import Testing

@Suite("Initialisation") struct ParameterInitializerTests {
  private func spec(_ name: String, _ size: Int, deviation: Double = 0.02) -> ParameterSpec {
    ParameterSpec(
      name: name, role: .tokenEmbedding, axes: [.init(.input, .vocabulary, size)],
      initializer: .normal(standardDeviation: deviation))
  }

  @Test("A parameter starts the same whatever its neighbours are", arguments: SmallModel.all)
  func neighbours(configuration: ModelConfiguration) throws {
    var deeper = configuration
    deeper.layerCount += 2
    let (small, large) = (try configuration.program(), try deeper.program())
    let starts = Dictionary(
      uniqueKeysWithValues: zip(large.parameters, large.initialParameters(seed: 4)).map {
        ($0.name, ($0, $1))
      })
    for (spec, tensor) in zip(small.parameters, small.initialParameters(seed: 4)) {
      let (otherSpec, other) = try #require(starts[spec.name])
      #expect(tensor.shape == spec.shape)
      // Residual projections differ in scale alone.
      if otherSpec.initializer == spec.initializer { #expect(tensor.floats == other.floats) }
    }
  }

  @Test("Any range by itself equals its part of the whole")
  func ranges() {
    let initializer = ParameterInitializer(seed: 9)
    let spec = spec("a", 600_001)
    let whole = initializer.tensor(for: spec).floats
    #expect(whole.count == 600_001)
    for range in [0..<1, 1..<2, 3..<9, 6..<7, 262_143..<262_150, 599_990..<600_001, 5..<5] {
      #expect(initializer.values(for: spec, elements: range) == Array(whole[range]))
    }
  }

  @Test("Gaussian in its moments, and independent by name and by seed")
  func moments() {
    let count = 200_000
    let a = ParameterInitializer(seed: 1).values(
      for: spec("a", count, deviation: 1), elements: 0..<count
    ).map(Double.init)
    func mean(_ f: (Int) -> Double) -> Double {
      (0..<count).reduce(0) { $0 + f($1) } / Double(count)
    }
    let deviation = 1 / Double(count).squareRoot()
    #expect(abs(mean { a[$0] }) < 4 * deviation)
    #expect(abs(mean { a[$0] * a[$0] } - 1) < 4 * deviation * 2.0.squareRoot())
    #expect(abs(mean { pow(a[$0], 3) }) < 4 * deviation * 15.0.squareRoot())
    #expect(abs(mean { pow(a[$0], 4) } - 3) < 4 * deviation * 96.0.squareRoot())
    #expect(abs(mean { a[$0] * a[($0 + 1) % count] }) < 4 * deviation)

    for (name, seed) in [("b", UInt64(1)), ("a", 2), ("a", 1 << 32 | 1)] {
      let b = ParameterInitializer(seed: seed).values(
        for: spec(name, count, deviation: 1), elements: 0..<count
      ).map(Double.init)
      #expect(abs(mean { a[$0] * b[$0] }) < 4 * deviation)
    }
  }

  @Test("Norms start at one, biases at zero")
  func constants() throws {
    let program = try SmallModel.gpt2.program()
    for (spec, tensor) in zip(program.parameters, program.initialParameters(seed: 0)) {
      switch spec.initializer {
      case .constant: Issue.record("\(spec.name) starts with no constant in any family")
      case .ones: #expect(tensor.floats.allSatisfy { $0 == 1 }, "\(spec.name)")
      case .zeros: #expect(tensor.floats.allSatisfy { $0 == 0 }, "\(spec.name)")
      case .normal: #expect(Set(tensor.floats).count > spec.shape.elementCount / 2, "\(spec.name)")
      }
    }
  }

  /// A run repeated with a later version must start from the same values.
  @Test("The values are fixed")
  func fixedValues() {
    let values = ParameterInitializer(seed: 7).values(
      for: spec("transformer.wte.weight", 4), elements: 0..<4)
    #expect(values == [-0.020974396, -0.026474722, 0.006941476, 0.006463892])
  }
}
