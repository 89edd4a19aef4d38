// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import Testing

/// Families against transformers in float64.
struct FamilyTests {
  @Test(arguments: FamilyGolden.all) func logitsAreThoseOfTransformers(
    _ golden: FamilyGolden
  ) throws {
    let directory = try golden.directory()
    let model = try ReferenceModel(program: directory.program, parameters: golden.values())
    let logits = try model.logits(golden.batch())
    let expected = try golden.logits()
    #expect(relativeError(logits, expected) < 1e-10)
  }

  @Test(arguments: FamilyGolden.all) func derivativesAreFiniteDifferences(
    _ golden: FamilyGolden
  ) throws {
    let directory = try golden.directory()
    var model = try ReferenceModel(program: directory.program, parameters: golden.values())
    let batch = try golden.batch()
    let gradients = try model.lossAndGradients(batch).gradients
    let step = 1e-5
    for (parameter, spec) in directory.program.parameters.enumerated() {
      // One element of each tensor, the one whose gradient is largest.
      let element = gradients[parameter].indices.max {
        abs(gradients[parameter][$0]) < abs(gradients[parameter][$1])
      }
      guard let element else { continue }
      let value = model.parameters[parameter][element]
      func loss(_ value: Double) throws -> Double {
        model.parameters[parameter][element] = value
        return try model.loss(batch).mean
      }
      let difference = try (loss(value + step) - loss(value - step)) / (2 * step)
      model.parameters[parameter][element] = value
      let gradient = gradients[parameter][element]
      #expect(
        abs(difference - gradient) <= 1e-6 * max(abs(gradient), 1e-3),
        "\(spec.name) element \(element): \(gradient) against \(difference)")
    }
  }
}
