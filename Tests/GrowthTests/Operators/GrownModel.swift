// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Interpretation
import Testing
import Text

/// A grown model beside the small one that it comes from, in float64.
struct GrownModel {
  let small: SmallModel
  let path: GrowthPath
  var plans: [GrowthPlan] { path.plans }
  let values: [[Double]]
  let result: ReferenceModel.Result
  let configuration: ModelConfiguration
  let program: Program

  init(_ growth: some GrowthOperator, of small: SmallModel) throws {
    try self.init(growth.plans(from: small.configuration), of: small)
  }

  init(_ plans: [GrowthPlan], of small: SmallModel) throws {
    self.small = small
    path = try GrowthPath(plans, of: small.configuration, options: GrowthOptions(seed: 5))
    values = try path.grown(values: small.values)
    configuration = path.target
    program = try configuration.program()
    result = try ReferenceModel(program: program, parameters: values)
      .lossAndGradients(small.batch)
  }

  var guarantees: Guarantees {
    plans.reduce(Set(Guarantee.allCases)) { $0.intersection($1.guarantees) }
  }

  /// Of the logits of the small model's tokens.
  var logitsError: Double {
    let old = small.configuration.vocabularySize
    let rows = stride(from: 0, to: result.logits.count, by: program.vocabularySize)
    return relativeError(
      rows.flatMap { result.logits[$0..<$0 + old] }, small.result.logits)
  }

  /// The worst tensor's error of the gradients of entries that have a source, against γ times the
  /// small model's.
  func gradientsError() throws -> Double {
    let mapped = try path.mapped(gradients: small.result.gradients)
    let masks = path.mappedEntries()
    return result.gradients.indices.map { index in
      let entries = masks[index].indices.filter { masks[index][$0] }
      let expected = entries.map { mapped[index][$0] }
      guard expected.contains(where: { $0 != 0 }) else { return 0 }
      return relativeError(entries.map { result.gradients[index][$0] }, expected)
    }.max() ?? 0
  }

  /// What holds is promised, and what is promised holds.
  func checkPromises(_ location: SourceLocation = #_sourceLocation) throws {
    let text = Comment(rawValue: "\(plans.map(\.operation)) of \(small.configuration)")
    try checkPromisesHold(location)
    if !guarantees.contains(.loss) {
      #expect(logitsError > 1e-9, text, sourceLocation: location)
    }
    if !guarantees.contains(.moments) {
      #expect(try gradientsError() > 1e-7, text, sourceLocation: location)
    }
  }

  /// What is promised holds; more may by chance.
  func checkPromisesHold(_ location: SourceLocation = #_sourceLocation) throws {
    let text = Comment(rawValue: "\(plans.map(\.operation)) of \(small.configuration)")
    if guarantees.contains(.loss) {
      #expect(logitsError < 1e-12, text, sourceLocation: location)
    }
    if guarantees.contains(.moments) {
      #expect(try gradientsError() < 1e-10, text, sourceLocation: location)
    }
    if guarantees.contains(.liveness) {
      #expect(try deadEntries() == [], text, sourceLocation: location)
    }
  }
}

extension GrownModel {
  /// Parameters' names with the numbers of entries that get no gradient in two steps.
  func deadEntries() throws -> [String] {
    let batch = TokenBatch.random(of: configuration, seed: 9)
    let first = try ReferenceModel(program: program, parameters: values).lossAndGradients(batch)
      .gradients
    let stepped = zip(values, first).map { values, gradients in
      zip(values, gradients).map { $0 - ($1 == 0 ? 0 : $1 > 0 ? 0.01 : -0.01) }
    }
    let second = try ReferenceModel(program: program, parameters: stepped)
      .lossAndGradients(batch).gradients
    return program.parameters.indices.flatMap { index -> [String] in
      // The softmax does not see what a key's bias adds to all of a query's scores.
      let spec = program.parameters[index]
      if spec.role == .bias(.queryKeyValue) { return [] }
      let largest = zip(first[index], second[index]).reduce(0) { max($0, abs($1.0), abs($1.1)) }
      let dead = first[index].indices.filter {
        max(abs(first[index][$0]), abs(second[index][$0])) <= 1e-13 * largest
      }
      return dead.isEmpty ? [] : ["\(spec.name): \(dead.count) of \(first[index].count)"]
    }
  }

  /// The values after steps of Adam without decay, all at one rate.
  func trained(steps: Int, rate: Double = 1e-3) throws -> [[Double]] {
    let batch = TokenBatch.random(of: configuration, seed: 9)
    var model = try ReferenceModel(program: program, parameters: values)
    var means = values.map { $0.map { _ in 0.0 } }
    var squares = means
    for step in 1...steps {
      let gradients = try model.lossAndGradients(batch).gradients
      let (mean, square) = (1 - pow(0.9, step), 1 - pow(0.99, step))
      for tensor in gradients.indices {
        for (entry, gradient) in gradients[tensor].enumerated() {
          means[tensor][entry] += 0.1 * (gradient - means[tensor][entry])
          squares[tensor][entry] += 0.01 * (gradient * gradient - squares[tensor][entry])
          let root = (squares[tensor][entry] / square).squareRoot() + 1e-8
          model.parameters[tensor][entry] -= rate * means[tensor][entry] / mean / root
        }
      }
    }
    return model.parameters
  }
}

private func pow(_ base: Double, _ exponent: Int) -> Double {
  (0..<exponent).reduce(1) { product, _ in product * base }
}
