// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a parameter is: its name in files, its axes with their roles, its start and its decay.
///
/// Counting, initialising, decaying, saving and growing all read this; nothing matches on names.
/// The layout is the one that Hugging Face files have, so that reading and writing move bytes only.
public struct ParameterSpec: Sendable, Hashable {
  /// The name in Hugging Face files.
  public var name: String
  /// Other names under which published files hold it.
  public var aliases: [String]
  /// The part it plays.
  public var role: Role
  /// The block it belongs to; nil outside the blocks.
  public var layer: Int?
  /// Which of a block's experts it belongs to; nil outside experts.
  public var expert: Int?
  /// The axes, outermost first.
  public var axes: [Axis]
  /// How a new model starts it.
  public var initializer: Initializer

  /// Makes a spec.
  public init(
    name: String, aliases: [String] = [], role: Role, layer: Int? = nil, axes: [Axis],
    initializer: Initializer
  ) {
    self.name = name
    self.aliases = aliases
    self.role = role
    self.layer = layer
    self.axes = axes
    self.initializer = initializer
  }

  /// The extents.
  public var shape: Shape { Shape(axes.map(\.size)) }

  /// Whether weight decay applies by default: to matrices and embeddings, not to norms and biases.
  public var decays: Bool { axes.count > 1 }

  /// The part a parameter plays in its model.
  public enum Role: Sendable, Hashable {
    case tokenEmbedding, positionEmbedding, head
    case normGain(Norm), normBias(Norm)
    case weight(Linear), bias(Linear)
  }

  /// Which norm of a model; those of queries and keys are of each head.
  public enum Norm: Sendable, Hashable { case attention, feedForward, final, query, key }

  /// Which linear map of a block.
  public enum Linear: Sendable, Hashable {
    case query, key, value, queryKeyValue, attentionOutput
    case feedForwardGate, feedForwardUp, feedForwardGateUp, feedForwardDown
    /// What weighs the experts.
    case router
  }

  /// One axis: segments that lie one after the other, each in its own space.
  public struct Axis: Sendable, Hashable {
    /// Whether a product sums over this axis or produces it; vectors produce theirs.
    public enum Direction: Sendable, Hashable { case input, output }
    /// The segments in order; more than one only where a file fuses several maps in one matrix.
    public var segments: [Segment]
    /// Whether a product sums over this axis or produces it.
    public var direction: Direction

    /// An axis of several segments.
    public init(_ direction: Direction, segments: [Segment]) {
      self.direction = direction
      self.segments = segments
    }

    /// An axis of one segment.
    public init(_ direction: Direction, _ space: Space, _ size: Int) {
      self.init(direction, segments: [Segment(space: space, size: size)])
    }

    /// The extent.
    public var size: Int { segments.reduce(0) { $0 + $1.size } }
  }

  /// A run of units that live in one space.
  public struct Segment: Sendable, Hashable {
    /// The space.
    public var space: Space
    /// Its units here.
    public var size: Int
    /// Which of several sets of the space's units it belongs to, where an axis holds more than one: the
    /// gate's and the other map's of a feed-forward.
    public var set: Int

    /// Makes a segment.
    public init(space: Space, size: Int, set: Int = 0) {
      self.space = space
      self.size = size
      self.set = set
    }
  }

  /// The spaces that a model's vectors live in; two axes of one space grow by one map.
  ///
  /// `query`, `key` and `value` hold heads one after the other, each `headSize` wide; `attended` is
  /// the attention's result: `headCount` heads of value components. `headComponent` is one head's
  /// width, where all heads share a parameter.
  public enum Space: Sendable, Hashable {
    case vocabulary, position, residual, query, key, value, attended, feedForward, headComponent
    case expert
  }

  /// How a new model starts a parameter.
  public enum Initializer: Sendable, Hashable {
    case zeros, ones
    /// All the same number.
    case constant(Double)
    /// Independent Gaussians of mean 0.
    case normal(standardDeviation: Double)
  }
}

extension ParameterSpec.Role {
  /// Whether the parameter's product or sum goes straight to the residual stream of a block.
  package var writesToResidual: Bool {
    switch self {
    case .weight(.attentionOutput), .weight(.feedForwardDown), .bias(.attentionOutput),
      .bias(.feedForwardDown):
      true
    default: false
    }
  }
}
