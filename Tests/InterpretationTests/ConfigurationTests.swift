// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import Testing

/// What `config.json` says, computed: the logits of each way to say it, in float64.
struct ConfigurationTests {
  @Test(arguments: ConfigurationGolden.families) func logitsAreThoseOfTransformers(
    _ family: String
  ) throws {
    let batch = try ConfigurationGolden.batch()
    var known: [ModelConfiguration: [Double]] = [:]
    for golden in try ConfigurationGolden.cases(of: family) {
      guard case .reads(_, let logits?) = golden.outcome else { continue }
      let model = try HuggingFaceConfiguration(golden.data).model
      if known[model] == nil {
        let program = try model.program()
        let reference = try ReferenceModel(
          program: program,
          parameters: program.parameters.map { ConfigurationGolden.weights($0, of: family) })
        let start = (batch.sequenceLength - 1) * model.vocabularySize
        known[model] = Array(try reference.logits(batch)[start...].prefix(logits.count))
      }
      let error = relativeError(known[model] ?? [], logits)
      #expect(error < 1e-9, "\(golden): \(error)")
    }
    #expect(known.count > 10)
  }
}
