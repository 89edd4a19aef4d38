// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// A recipe for a stack of one model's layers, as mergekit's `passthrough` files hold it.
///
///     let recipe = try MergeRecipe(contentsOf: file)
///     try recipe.check(against: source)
///     let growth = try ModelGrowth(of: source, by: recipe)
///     try growth.write(to: larger, ModelGrowth.Output(type: recipe.weightType))
///
/// The tensors that come of it are bit for bit those that mergekit 0.1.5 writes. A recipe of several
/// models mixes them, which is no growth, and is refused.
public struct MergeRecipe: GrowthOperator, Hashable {
  /// A range of layers with its factors.
  public struct Slice: Sendable, Hashable {
    /// The layers, from 0; nil for all.
    public var layers: Range<Int>?
    /// Factors, those of the source first, then of the slice, the module and the whole: the first that
    /// fits a tensor's name counts.
    public var scales: [SliceGrowth.Scale]

    /// Makes a slice.
    public init(layers: Range<Int>?, scales: [SliceGrowth.Scale] = []) {
      self.layers = layers
      self.scales = scales
    }
  }

  /// What the recipe calls its model: a label, whichever model is grown.
  public var model: String
  /// The slices, the lowest layers first.
  public var slices: [Slice]
  /// The type to which weights are converted before they are multiplied; nil for their own.
  public var type: DType?
  /// The type in which weights are written; nil for the one they have then.
  public var outputType: DType?
  /// Whether the recipe asks for its model's tokenizer, with as many embeddings as it has tokens.
  public var fitsTokenizer: Bool

  /// Makes a recipe.
  public init(
    model: String, slices: [Slice], type: DType? = nil, outputType: DType? = nil,
    fitsTokenizer: Bool = false
  ) {
    self.model = model
    self.slices = slices
    self.type = type
    self.outputType = outputType
    self.fitsTokenizer = fitsTokenizer
  }

  /// The type of the grown weights; nil for each tensor's own.
  public var weightType: DType? { outputType ?? type }

  /// The stack that the recipe makes of a model.
  public func growth(of model: ModelConfiguration) -> SliceGrowth {
    let isRounded = type?.isHalfPrecision ?? false
    let needsRounding = isRounded && (multiplies || weightType != type)
    return SliceGrowth(
      slices.map {
        SliceGrowth.Slice(layers: $0.layers ?? 0..<model.layerCount, scales: $0.scales)
      },
      sourceRounding: needsRounding ? type : nil)
  }

  /// One plan; none where the model stays what it is.
  ///
  /// - Throws: ``GrowthError`` as ``SliceGrowth/plans(from:)``.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try growth(of: model).plans(from: model)
  }

  /// Whether a product may have to be rounded.
  var multiplies: Bool {
    slices.flatMap(\.scales).flatMap(\.factors).contains { $0 != 0 && $0 != 1 }
  }
}
