// SPDX-License-Identifier: Apache-2.0

/// A model as a short list of coarse operations, from tokens to loss.
///
/// Every value is a matrix of one row per token (rows of a sequence lie together, sequences one
/// after the other) and a fixed number of columns. Engines compile a program for a batch shape and a
/// precision; they know each operation's derivative and fuse as they like. Every value is written by
/// exactly one operation, before any that reads it.
public struct Program: Sendable {
  /// The model this program computes.
  public let configuration: ModelConfiguration
  /// The parameters, in the order of the computation; operations name them by index.
  public let parameters: [ParameterSpec]
  /// Tensors of published files that hold no parameter: masks, tables.
  public let bufferNames: Set<String>
  /// Tensors of published files that repeat a parameter: a tied head.
  public let copyNames: [String: Parameter]
  /// Columns of each value; operations name values by index.
  public let widths: [Int]
  /// The operations in order; the last one is the head.
  public let operations: [Operation]

  /// Index of a parameter in ``parameters``.
  public typealias Parameter = Int
  /// Index of a value in ``widths``.
  public typealias Value = Int

  /// Columns `offset ..< offset + width` of a value.
  public struct Slice: Sendable, Hashable {
    /// The value.
    public var value: Value
    /// The first column.
    public var offset: Int
    /// The number of columns.
    public var width: Int

    /// Makes a slice.
    public init(value: Value, offset: Int, width: Int) {
      self.value = value
      self.offset = offset
      self.width = width
    }
  }

  /// How a weight lies in memory, row-major.
  public enum WeightLayout: Sendable, Hashable {
    /// [inputs, outputs], y = x W, as GPT-2's files have it.
    case inputOutput
    /// [outputs, inputs], y = x Wᵀ, as all others have it.
    case outputInput
  }

  /// The norms.
  public enum NormKind: Sendable, Hashable {
    /// (x − mean) / √(variance + ε) · gain + bias (Ba et al., arXiv 1607.06450).
    case layer
    /// x / √(mean of squares + ε) · gain (Zhang & Sennrich, arXiv 1910.07467).
    case rootMeanSquare
  }

  /// The element-wise functions.
  public enum ActivationKind: Sendable, Hashable {
    /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    case geluTanh
    /// 0.5 x (1 + erf(x / √2)).
    case gelu
    /// x / (1 + e⁻ˣ).
    case silu
  }

  /// One operation; `output` is the value it writes.
  public enum Operation: Sendable, Hashable {
    /// output = table[token].
    case embedding(table: Parameter, output: Value)
    /// output = input + table[position].
    case positionEmbedding(table: Parameter, input: Value, output: Value)
    /// Normalises each row; `bias` is nil for ``NormKind/rootMeanSquare``.
    case norm(
      NormKind, epsilon: Double, input: Value, gain: Parameter, bias: Parameter?, output: Value)
    /// output = input · W (+ bias).
    case linear(
      input: Value, weight: Parameter, layout: WeightLayout, bias: Parameter?, output: Value)
    /// Turns each head of the slice by its row's position; other columns are copied.
    case rotary(RotaryEmbedding, input: Slice, headSize: Int, output: Value)
    /// Scaled dot-product attention per sequence.
    case attention(AttentionOperation)
    /// output = f(input).
    case activation(ActivationKind, input: Value, output: Value)
    /// output = left ⊙ right.
    case multiply(left: Value, right: Value, output: Value)
    /// output = left + right.
    case add(left: Value, right: Value, output: Value)
    /// Zeroes each element with probability `rate`, scales the rest by 1 / (1 − rate); training
    /// only. `stream` tells this place's random numbers from every other place's.
    case dropout(rate: Double, stream: Int, input: Value, output: Value)
    /// logits = scale · input · Wᵀ, W being [vocabulary, width]; the loss is the mean over targets
    /// of −log softmax(logits)[target], targets of −1 left out.
    case head(input: Value, weight: Parameter, scale: Double)
  }

  /// What attention needs: query head h attends with key/value head
  /// h · keyValueHeadCount / headCount; weights are softmax(scale · q·k), over keys up to the
  /// query's own position where `causal`.
  public struct AttentionOperation: Sendable, Hashable {
    /// The columns of the queries: heads one after the other.
    public var query: Slice
    /// The columns of the keys.
    public var key: Slice
    /// The columns of the values.
    public var value: Slice
    /// Query heads.
    public var headCount: Int
    /// Key/value heads, a divisor of `headCount`.
    public var keyValueHeadCount: Int
    /// Width of a head.
    public var headSize: Int
    /// Whether a query sees only keys up to its own position.
    public var causal: Bool
    /// The factor on q·k.
    public var scale: Double
    /// Rate of dropout on the weights, in training.
    public var dropout: Double
    /// Tells the dropout's random numbers from every other place's.
    public var dropoutStream: Int
    /// The value it writes.
    public var output: Value
  }
}
