// SPDX-License-Identifier: Apache-2.0
import Architectures

/// A model beside its base: how much wider each axis of a parameter is, how much deeper the model.
struct SizeComparison {
  /// The model's parameters, in the order of its program.
  let parameters: [ParameterSpec]
  private let model: ModelConfiguration
  private let base: ModelConfiguration
  private let baseParameters: [ParameterSpec.Role: ParameterSpec]
  /// Width of the residual stream over the base's.
  private let width: Double
  /// Blocks over the base's.
  private let depth: Double

  /// Compares.
  ///
  /// - Throws: ``TrainingError`` of code `invalidConfiguration` that names what of the base does not fit.
  init(_ model: ModelConfiguration, base sizes: BaseModel) throws {
    parameters = try model.program().parameters
    self.model = model
    base = sizes.configuration(like: model)
    try TrainingError.check(
      sizes.layerCount > 0, Self.key("layers"),
      "\(sizes.layerCount) layers say nothing of the rates of deeper models; expected at least 1")
    let specs: [ParameterSpec]
    do { specs = try base.program().parameters } catch let error as ArchitecturesError {
      throw TrainingError(
        .invalidConfiguration, "no model of \(model.family.name) has these sizes: \(error)",
        subject: Self.key())
    }
    baseParameters = Dictionary(specs.map { ($0.role, $0) }) { first, _ in first }
    width = Double(model.hiddenSize) / Double(base.hiddenSize)
    depth = Double(model.layerCount) / Double(base.layerCount)
    try checkHeadSize()
    try TrainingError.check(
      !model.tiesHead || parameters.contains { $0.role == .normGain(.final) }, "parametrization",
      "the head of \(model.family.name) is tied to the embedding and the norm before it has no gain, which "
        + "would hold the factor on the logits; give the model a head of its own")
  }

  private static func key(_ name: String? = nil) -> String {
    "parametrization.base" + (name.map { ".\($0)" } ?? "")
  }

  /// Queries take the factor on scores, where they have a matrix of their own that no norm follows.
  private func checkHeadSize() throws {
    let isFree = !model.traits.queryKeyNorm && baseParameters[.weight(.query)] != nil
    try TrainingError.check(
      isFree || model.headSize == base.headSize, Self.key("heads"),
      "the base's heads are \(base.headSize) wide and those of the model \(model.headSize), which \(model.family.name) "
        + "cannot make up for; give both heads of one size, of which a wider model has more")
  }

  /// How many times as large an axis is as the base's; 1 for a parameter without such an axis.
  private func ratio(
    _ spec: ParameterSpec, _ direction: ParameterSpec.Axis.Direction
  ) -> Double {
    guard let size = spec.size(direction), let other = baseParameters[spec.role]?.size(direction)
    else { return 1 }
    return Double(size) / Double(other)
  }

  // MARK: The rules

  /// The factor c on a parameter that the papers have inside the model.
  private func multiplier(_ spec: ParameterSpec) -> Double {
    switch spec.role {
    case .tokenEmbedding: embedding
    case .head: 1 / (width * model.logitScale)
    case .normGain(.final), .normBias(.final):
      model.tiesHead ? 1 / (width * model.logitScale * embedding) : 1
    case .weight(.router): 1 / ratio(spec, .input)
    case .weight(.query), .bias(.query):
      (Double(base.headSize) / Double(model.headSize)).squareRoot()
    default: spec.role.writesToResidual ? 1 / depth : 1
    }
  }

  /// Of families that multiply token vectors by the root of the width.
  private var embedding: Double { base.embeddingScale / model.embeddingScale }

  /// How large gradients are, of the parameter that the factor c multiplies.
  private func gradient(_ spec: ParameterSpec) -> Double {
    guard spec.layer != nil else { return 1 / width }
    switch spec.role {
    case .normGain(.query), .normGain(.key), .normBias(.query), .normBias(.key):
      // All heads share them, and more heads add up to what each has less.
      return 1 / depth
    case .weight(.router): return 1 / (ratio(spec, .input) * depth)
    default: return 1 / (ratio(spec, .output) * depth)
    }
  }

  /// What becomes of a parameter.
  func scale(of spec: ParameterSpec, under optimizer: OptimizerConfiguration) -> ParameterScale {
    let factor = multiplier(spec)
    let fanIn = spec.isWideMatrix ? ratio(spec, .input) : 1
    let step = optimizer.rule.orthogonalises(spec) ? spectralStep(spec) : 1 / fanIn
    return ParameterScale(
      initialValue: factor / fanIn.squareRoot(), learningRate: factor * step,
      epsilon: gradient(spec) / factor)
  }

  /// The factor on an orthogonalised step, whose root mean square is that of AdamW's.
  ///
  /// Such a step has the spectral norm √max(rows, columns), and should have √(outputs / inputs) (Yang et al.,
  /// arXiv 2310.17813).
  private func spectralStep(_ spec: ParameterSpec) -> Double {
    guard let other = baseParameters[spec.role] else { return 1 }
    return spec.spectralRatio / other.spectralRatio
  }

  /// How a parameter starts.
  func initializer(of spec: ParameterSpec) -> ParameterSpec.Initializer {
    // The base's own start, since that of some families depends on the number of layers.
    let start = baseParameters[spec.role]?.initializer ?? spec.initializer
    let scale = scale(of: spec, under: .adamW(AdamWConfiguration())).initialValue
    guard scale != 1 else { return start }
    switch start {
    case .normal(let deviation): return .normal(standardDeviation: deviation * scale)
    case .ones: return .constant(scale)
    case .constant(let value): return .constant(value * scale)
    case .zeros:
      // Such a gain is kept less one.
      guard case .normGain = spec.role else { return .zeros }
      return .constant(scale - 1)
    }
  }
}

extension ParameterSpec {
  /// Whether this is a matrix of a block both of whose axes grow with the model.
  fileprivate var isWideMatrix: Bool {
    guard case .weight(let linear) = role else { return false }
    return linear != .router
  }

  fileprivate func size(_ direction: Axis.Direction) -> Int? {
    axes.first { $0.direction == direction }?.size
  }

  /// √(outputs / inputs) / √max(outputs, inputs).
  fileprivate var spectralRatio: Double {
    let (outputs, inputs) = (Double(size(.output) ?? 1), Double(size(.input) ?? 1))
    return (outputs / inputs).squareRoot() / max(outputs, inputs).squareRoot()
  }
}
