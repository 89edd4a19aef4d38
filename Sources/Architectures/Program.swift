// SPDX-License-Identifier: Apache-2.0

/// A model as a short list of coarse operations, from tokens to loss.
///
/// Every value is a matrix of one row per token (rows of a sequence lie together, sequences one
/// after the other) and a fixed number of columns. Engines compile a program for a batch shape and a
/// precision; they know each operation's derivative and fuse as they like. Every value is written by
/// exactly one operation, before any that reads it. Whatever an engine needs stands in the operations:
/// a program knows nothing of the configuration that it was built from.
public struct Program: Sendable {
  /// The family's name, for messages.
  public let family: String
  /// The longest sequence that the model was made for.
  public let contextLength: Int
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
  /// Positions that have a learned vector; nil where no sequence is too long.
  ///
  /// Every batch is held against it, so it is looked for once.
  public let positionCount: Int?

  package init(
    family: String, contextLength: Int, parameters: [ParameterSpec],
    bufferNames: Set<String> = [], copyNames: [String: Parameter] = [:], widths: [Int],
    operations: [Operation]
  ) {
    self.family = family
    self.contextLength = contextLength
    self.parameters = parameters
    self.bufferNames = bufferNames
    self.copyNames = copyNames
    self.widths = widths
    self.operations = operations
    positionCount =
      operations.lazy.compactMap { operation -> Int? in
        guard case .positionEmbedding(let table, _, _) = operation else { return nil }
        return parameters[table].shape[0]
      }.first
  }

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
  public enum WeightLayout: String, Sendable, Hashable, CaseIterable, Codable {
    /// [inputs, outputs], y = x W, as GPT-2's files have it.
    case inputOutput
    /// [outputs, inputs], y = x Wᵀ, as all others have it.
    case outputInput
  }

  /// The norms.
  public enum NormKind: String, Sendable, Hashable, CaseIterable, Codable {
    /// (x − mean) / √(variance + ε) · gain + bias (Ba et al., arXiv 1607.06450).
    case layer
    /// x / √(mean of squares + ε) · gain (Zhang & Sennrich, arXiv 1910.07467).
    case rootMeanSquare
  }

  /// The element-wise functions.
  public enum ActivationKind: String, Sendable, Hashable, CaseIterable, Codable {
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
    /// output = factor · input.
    case scale(Double, input: Value, output: Value)
    /// Normalises each row, times the gain (1 without one), plus the bias (0 without one).
    case norm(
      NormKind, epsilon: Double, input: Value, gain: Gain?, bias: Parameter?, output: Value)
    /// Normalises each head of each row by itself; all heads share the gain.
    case headNorm(
      NormKind, epsilon: Double, input: Value, headSize: Int, gain: Gain, output: Value)
    /// output = input · W (+ bias).
    case linear(
      input: Value, weight: Parameter, layout: WeightLayout, bias: Parameter?, output: Value)
    /// output = the columns of the slice.
    case columns(Slice, output: Value)
    /// The input's columns are `groupCount` groups, each of parts of these widths; the output has
    /// the first parts of all groups, then all second parts, and so on.
    case regroup(input: Value, groupCount: Int, widths: [Int], output: Value)
    /// Turns each head of the slice by its row's position; other columns are copied.
    case rotary(RotaryEmbedding, input: Slice, headSize: Int, output: Value)
    /// Scaled dot-product attention per sequence.
    case attention(AttentionOperation)
    /// A feed-forward of several experts.
    case mixture(MixtureOperation)
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

  /// A norm's gain as files hold it: a parameter, to which `offset` is added.
  public struct Gain: Sendable, Hashable {
    /// The parameter.
    public var parameter: Parameter
    /// What is added to it: 0, or 1.
    public var offset: Double

    /// Makes a gain.
    public init(_ parameter: Parameter, offset: Double = 0) {
      self.parameter = parameter
      self.offset = offset
    }
  }

  /// What a feed-forward of experts needs: of each row the `perToken` experts whose router
  /// logits are highest, the lower number first where they are equal, weighted by the softmax over those
  /// logits; an expert is down(f(gate(x)) ⊙ up(x)).
  public struct MixtureOperation: Sendable, Hashable {
    /// One expert's weights.
    public struct Expert: Sendable, Hashable {
      /// What the function is taken of.
      public var gate: Parameter
      /// What it is multiplied by.
      public var up: Parameter
      /// Back to the residual width.
      public var down: Parameter
    }
    /// The value it reads.
    public var input: Value
    /// The map to one logit for each expert.
    public var router: Parameter
    /// The experts.
    public var experts: [Expert]
    /// Width between an expert's maps.
    public var innerWidth: Int
    /// How many of them each row takes.
    public var perToken: Int
    /// The function.
    public var activation: ActivationKind
    /// How all its weights lie.
    public var layout: WeightLayout
    /// The value it writes.
    public var output: Value

    /// The numbers of the highest logits, the highest first; of equal ones the first.
    public static func choice<Logit: Comparable>(of count: Int, among logits: [Logit]) -> [Int] {
      let order = logits.indices.sorted {
        logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
      }
      return Array(order.prefix(count))
    }
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
    /// How many keys a query sees, its own position's the last; nil for all.
    public var window: Int?
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
