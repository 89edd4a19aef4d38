// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Tensors

/// One tensor that a growth makes, as its receiver wants it.
struct GrownTensor: Sendable {
  /// Where its numbers come from.
  var chain: GrowthChain
  /// The type of its elements; nil for bytes that are copied whatever they are.
  var type: DType?
  /// The type that its noise is chosen for; see ``RepresentableNoise``.
  var noiseType: DType?
  /// Whether it is computed in float64.
  var isExact: Bool

  /// A tensor whose noise is chosen for its own type, unless told otherwise.
  init(_ chain: GrowthChain, as type: DType?, noiseFor noiseType: DType? = nil, isExact: Bool) {
    self.chain = chain
    self.type = type
    self.noiseType = noiseType ?? type
    self.isExact = isExact
  }

  /// Elements of a row.
  var rowLength: Int { chain.target.shape.extents.last ?? 1 }
}

/// Takes what a growth makes: it says where the bytes belong, in which pieces they are made, and on which
/// threads.
protocol StateSink {
  associatedtype Result

  /// Has all tensors made.
  func take<Source>(_ executor: GrowthExecutor<Source>) throws -> Result
}

/// Carries out a path: makes its tensors from what a source holds, any rows in any order, on any number of
/// threads.
///
/// In memory, on disk and in a proof it is the same code, and so are the bits.
final class GrowthExecutor<Source: StateSource>: Sendable {
  /// Makes whole rows of a tensor, for one thread.
  typealias Maker = (
    _ tensor: String, _ range: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer
  ) throws -> Void

  /// What infinities and what is no number come to.
  enum UnsoundPolicy { case refused, passedOn }

  /// What is made, by name.
  let tensors: [String: GrownTensor]
  private let source: Source
  private let store: GrowerStore
  private let roundingSeed: UInt64?
  private let policy: UnsoundPolicy

  init(
    _ path: GrowthPath, from source: Source, to tensors: [String: GrownTensor],
    rounding: WeightRounding = .nearest, unsound policy: UnsoundPolicy = .refused
  ) {
    self.tensors = tensors
    self.source = source
    self.policy = policy
    roundingSeed = rounding == .nearest ? nil : path.options.seed
    store = GrowerStore(path, for: tensors.values.map(\.chain))
  }

  /// A maker for one thread.
  func maker() -> Maker {
    var fillers: [String: any TensorFiller] = [:]
    return { [self] name, range, bytes in
      if fillers[name] == nil {
        // Blocks of a few tensors come in turn.
        if fillers.count >= 8 { fillers = [:] }
        fillers[name] = try filler(of: name)
      }
      guard let filler = fillers[name] else { return }
      try filler.fill(range, of: bytes)
      try check(name, range, of: UnsafeRawBufferPointer(bytes), madeBy: filler)
    }
  }

  /// A tensor of the source that comes out as it is.
  func unchanged(_ name: String) throws -> Source.Tensor? {
    guard let tensor = tensors[name], tensor.chain.steps.isEmpty,
      let source = try origin(of: tensor.chain), source.type == tensor.type
    else { return nil }
    return source
  }

  /// Measures what a tensor's rows depend on, so that threads need not wait for each other.
  func prepare(_ name: String) throws { _ = try filler(of: name) }

  /// Checks, as they go by, that numbers are finite.
  ///
  /// - Parameter filler: what made them; nil for those of a source.
  /// - Throws: ``GrowthError`` of code `notFinite` that names the tensor and row of the source, or, where
  ///   that is sound, of what does not fit its type.
  func check(
    _ name: String, _ range: Range<Int>, of bytes: UnsafeRawBufferPointer,
    madeBy filler: (any TensorFiller)? = nil
  ) throws {
    guard policy == .refused, let tensor = tensors[name], let type = tensor.type,
      !type.areFinite(bytes)
    else { return }
    if let error = try unsoundOrigin(of: tensor.chain) { throw error }
    let width = tensor.rowLength * type.byteWidth
    let row = stride(from: 0, to: bytes.count, by: width).first {
      !type.areFinite(UnsafeRawBufferPointer(rebasing: bytes[$0..<$0 + width]))
    }
    let number = (range.lowerBound + (row ?? 0)) / width
    throw GrowthError.overflow(row: number, filler?.numbers(ofRow: number), as: type, in: name)
  }

  /// What is wrong with the tensor that a grown one comes from; nil for nothing.
  private func unsoundOrigin(of chain: GrowthChain) throws -> GrowthError? {
    guard let tensor = try origin(of: chain), tensor.type?.isFloatingPoint ?? false else {
      return nil
    }
    let numbers = UnsoundNumbers(in: tensor.sequential() as TensorRows<Double>)
    try tensor.check()
    return numbers.map { .unsound($0, of: tensor.elementCount, in: tensor.label) }
  }

  private func origin(of chain: GrowthChain) throws -> Source.Tensor? {
    try chain.origin.flatMap { try source.tensor($0, chain.part) }
  }

  private func filler(of name: String) throws -> any TensorFiller {
    guard let tensor = tensors[name] else {
      throw GrowthError(.mismatch, "is not grown", subject: name)
    }
    let origin = try origin(of: tensor.chain)
    if let origin, tensor.chain.steps.isEmpty, tensor.type == nil || tensor.type == origin.type {
      return CopyingFiller(source: origin)
    }
    guard let type = tensor.type else {
      throw GrowthError(.unsupported, "is no tensor of real numbers", subject: name)
    }
    if let origin, !(origin.type?.isFloatingPoint ?? false) {
      throw GrowthError(
        .unsupported, "holds \(origin.typeName), which are no real numbers", subject: origin.label)
    }
    return tensor.isExact
      ? try filler(Double.self, of: name, as: tensor, from: origin, type: type)
      : try filler(Float.self, of: name, as: tensor, from: origin, type: type)
  }

  private func filler<Scalar: GrowthScalar>(
    _: Scalar.Type, of name: String, as tensor: GrownTensor, from origin: Source.Tensor?,
    type: DType
  ) throws -> any TensorFiller {
    let growers: [TensorGrower<Scalar>] = try store.growers(
      of: tensor.chain, from: origin, as: tensor.noiseType)
    return GrowingFiller(
      from: origin, growers, as: type,
      rounding: roundingSeed.map { StochasticRounding(seed: $0, tensor: name) })
  }
}
