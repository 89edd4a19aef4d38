// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Wording

extension [GrowthPlan] {
  /// Checks that the first growth starts from a model and each other one from what comes before it.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch`.
  func check(from model: ModelConfiguration) throws {
    var model = model
    for plan in self {
      try GrowthError.check(
        plan.source == model, .mismatch, plan.operation, "is a growth of another model than this")
      model = plan.target
    }
  }

  /// Checks values against the first growth's model.
  ///
  /// - Throws: ``GrowthError`` of code `mismatch`.
  func check(values: [HostTensor]) throws {
    guard let plan = first else { return }
    try check(from: plan.source)
    let specs = try plan.source.program().parameters
    try GrowthError.check(
      specs.count == values.count, .mismatch, plan.operation,
      "grows \(counted(specs.count, "parameter")), \(values.count) were given")
    for (spec, value) in zip(specs, values) {
      try GrowthError.check(
        value.shape == spec.shape && value.dtype == .float32, .mismatch, spec.name,
        "is \(value.dtype) \(value.shape), expected float32 \(spec.shape)")
    }
  }
}
