// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing

@Suite("Programs") struct ProgramTests {
  @Test(
    "Values are written once, before they are read; the head is last", arguments: SmallModel.all)
  func order(configuration: ModelConfiguration) throws {
    let program = try configuration.program()
    var written: Set<Int> = []
    for (index, operation) in program.operations.enumerated() {
      let (reads, write) = (reads: Set(operation.inputs), write: operation.output)
      #expect(written.isSuperset(of: reads), "operation \(index)")
      if let write {
        #expect(written.insert(write).inserted, "operation \(index)")
      } else {
        #expect(index == program.operations.count - 1)
      }
    }
    #expect(written == Set(program.widths.indices))
  }

  @Test("Every parameter is used, under a name of its own", arguments: SmallModel.all)
  func parameters(configuration: ModelConfiguration) throws {
    let program = try configuration.program()
    let used = Set(program.operations.flatMap(\.parameters))
    #expect(used == Set(program.parameters.indices))
    let names = program.parameters.flatMap { [$0.name] + $0.aliases }
    #expect(Set(names).count == names.count)
    #expect(program.bufferNames.isDisjoint(with: names))
    for spec in program.parameters {
      #expect(spec.decays == (spec.shape.rank == 2), "\(spec.name)")
    }
  }

  @Test("Residual projections start smaller by √(2 · layers)", arguments: SmallModel.all)
  func initializers(configuration: ModelConfiguration) throws {
    for spec in try configuration.program().parameters {
      let expected: ParameterSpec.Initializer =
        switch spec.role {
        case .normGain: .ones
        case .normBias, .bias: .zeros
        case .weight(.attentionOutput), .weight(.feedForwardDown):
          .normal(standardDeviation: 0.02 / 6.0.squareRoot())
        default: .normal(standardDeviation: 0.02)
        }
      #expect(spec.initializer == expected, "\(spec.name)")
    }
  }

  @Test("A rate of dropout leaves the other places' random numbers alone")
  func dropoutStreams() throws {
    var thinned = SmallModel.llama
    thinned.dropout = DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)
    let all = streams(try thinned.program())
    #expect(Set(all).count == 1 + 3 * 3 && all.count == 10)
    thinned.dropout = DropoutRates(attention: 0.1)
    let attentionOnly = streams(try thinned.program())
    #expect(attentionOnly.count == 3 && Set(attentionOnly).isSubset(of: all))
  }

  private func streams(_ program: Program) -> [Int] {
    program.operations.compactMap {
      switch $0 {
      case .attention(let attention): attention.dropoutStream
      case .dropout(_, let stream, _, _): stream
      default: nil
      }
    }
  }
}
