// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors

/// Makes the bytes of a growth's files, any rows in any order, for many threads.
final class GrowthStream: Sendable {
  private let files: GrowthFiles
  private let store: GrowerStore
  private let sources: [URL: RandomAccessFile]
  private let rounding: WeightRounding
  private let threadCount: Int?

  init(_ files: GrowthFiles, rounding: WeightRounding, threadCount: Int? = nil) throws {
    self.files = files
    self.rounding = rounding
    self.threadCount = threadCount
    store = GrowerStore(files.chains, for: files.tensors.values.map(\.chain))
    var sources: [URL: RandomAccessFile] = [:]
    for file in Set(files.tensors.values.compactMap(\.chain.source?.file)) {
      sources[file] = try RandomAccessFile(file)
    }
    self.sources = sources
  }

  /// A maker for one thread.
  func maker() -> ShardPipeline.Maker {
    var fillers: [String: any TensorFiller] = [:]
    return { [self] entry, range, bytes in
      if fillers[entry.name] == nil {
        // Blocks of a few tensors come in turn.
        if fillers.count >= 8 { fillers = [:] }
        fillers[entry.name] = try filler(of: entry.name)
      }
      guard let filler = fillers[entry.name] else { return }
      try filler.fill(range, of: bytes)
      try check(entry, range, UnsafeRawBufferPointer(bytes), filler)
    }
  }

  /// Checks, as they go by, that the numbers that are written are finite.
  ///
  /// - Throws: ``GrowthError`` of code `notFinite` that names the tensor and row of the source, or, where
  ///   that is sound, of what does not fit its type.
  private func check(
    _ entry: TensorEntry, _ range: Range<Int>, _ bytes: UnsafeRawBufferPointer,
    _ filler: any TensorFiller
  ) throws {
    guard let type = entry.dtype, !type.areFinite(bytes) else { return }
    if let error = try unsoundSource(of: entry.name) { throw error }
    let width = entry.rowByteCount
    let row = stride(from: 0, to: bytes.count, by: width).first {
      !type.areFinite(UnsafeRawBufferPointer(rebasing: bytes[$0..<$0 + width]))
    }
    let number = (range.lowerBound + (row ?? 0)) / width
    throw GrowthError.overflow(
      row: number, filler.numbers(ofRow: number), as: type, in: entry.name)
  }

  /// What is wrong with the tensor that a grown one comes from; nil for nothing.
  private func unsoundSource(of name: String) throws -> GrowthError? {
    guard let location = files.tensors[name]?.chain.source, let file = sources[location.file],
      let type = location.entry.dtype, type.isFloatingPoint
    else { return nil }
    let rows = FileRows(location, type: type, in: file)
    let numbers = UnsoundNumbers(in: rows.sequential() as TensorRows<Double>)
    try rows.check()
    return numbers.map {
      .unsound(
        $0, of: location.entry.shape.elementCount,
        in: "\(location.entry.name) in \(location.file.path(percentEncoded: false))")
    }
  }

  private func filler(of name: String) throws -> any TensorFiller {
    guard let tensor = files.tensors[name] else {
      throw GrowthError(.mismatch, "is not grown", subject: name)
    }
    let chain = tensor.chain
    let source = try chain.source.map { location in
      guard let file = sources[location.file] else {
        throw GrowthError(.unreadableSource, "is not open", subject: location.file.path)
      }
      return (location, file)
    }
    if let (location, file) = source, chain.steps.isEmpty,
      tensor.type == nil || tensor.type == location.entry.dtype
    {
      return CopyingFiller(source: location, file: file)
    }
    guard let type = tensor.type else {
      throw GrowthError(.unsupported, "is no tensor of real numbers", subject: name)
    }
    let rows = source.flatMap { location, file in
      location.entry.dtype.map {
        FileRows(location, type: $0, in: file, threadCount: threadCount)
      }
    }
    return tensor.isExact
      ? try filler(Double.self, name, chain, rows, type)
      : try filler(Float.self, name, chain, rows, type)
  }

  private func filler<Scalar: GrowthScalar>(
    _: Scalar.Type, _ name: String, _ chain: GrowthChain, _ rows: FileRows?, _ type: DType
  ) throws -> any TensorFiller {
    let growers: [TensorGrower<Scalar>] = try store.growers(of: chain, from: rows, as: type)
    return GrowingFiller(
      from: rows, growers, as: type,
      rounding: rounding == .nearest
        ? nil : StochasticRounding(seed: files.chains.options.seed, tensor: name))
  }
}
