// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors

/// Makes the bytes of an export's or an import's files, and refuses numbers that no sound tensor holds.
final class ExchangeStream: Sendable {
  private let files: ExchangedFiles
  private let weights: GrowthExecutor<FileSource>
  private let sources: [URL: RandomAccessFile]

  init(_ files: ExchangedFiles) throws {
    self.files = files
    weights = try files.weights.executor()
    let urls = Set(files.others.values.flatMap(\.files))
    sources = try Dictionary(uniqueKeysWithValues: urls.map { ($0, try RandomAccessFile($0)) })
  }

  /// A maker for one thread.
  func maker() -> ShardPipeline.Maker {
    let makeWeights = weights.blockMaker()
    return { [self] entry, range, bytes in
      if let tensor = files.others[entry.name] {
        try PieceFiller(tensor: tensor, files: sources).fill(range, of: bytes)
        try check(tensor, UnsafeRawBufferPointer(bytes), from: range.lowerBound / 4)
      } else {
        try makeWeights(entry, range, bytes)
        try check(entry, UnsafeRawBufferPointer(bytes), range)
      }
    }
  }

  /// - Parameter first: the number of the first element.
  private func check(
    _ tensor: ExchangedTensor, _ bytes: UnsafeRawBufferPointer, from first: Int
  ) throws {
    func fail(_ place: Int, _ expected: String) throws {
      let value = NumberCheck.text(NumberCheck.element(bytes, .float32, at: place))
      throw GrowthError(
        .unsupported,
        "holds \(value) at \(NumberCheck.index(first + place, in: tensor.spec.shape)); expected "
          + expected, subject: tensor.origin)
    }
    if let place = NumberCheck.firstNotFinite(bytes, .float32) {
      try fail(
        place, "finite numbers; take an earlier checkpoint, from before the training diverged")
    }
    if tensor.isMeanOfSquares, let place = NumberCheck.firstNegative(bytes) {
      try fail(
        place, "a mean of squares, which is never below 0; the file is damaged or holds no AdamW")
    }
  }

  private func check(
    _ entry: TensorEntry, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws {
    guard let type = entry.dtype, let place = NumberCheck.firstNotFinite(bytes, type) else {
      return
    }
    let element = range.lowerBound / type.byteWidth + place
    let index = NumberCheck.index(element, in: entry.shape)
    guard let tensor = files.weights.tensors[entry.name],
      let source = files.weights.places.location(of: tensor.chain),
      let before = try value(element, of: source), before.isFinite
    else {
      throw GrowthError(
        .unsupported,
        "holds \(NumberCheck.text(NumberCheck.element(bytes, type, at: place))) at \(index); expected "
          + "finite numbers; take an earlier checkpoint, from before the training diverged",
        subject: entry.name)
    }
    throw GrowthError(
      .unsupported,
      "holds \(NumberCheck.text(before)) at \(index), which \(type.rawValue) cannot hold: its largest "
        + "number is \(Self.largest(type)); choose another type", subject: entry.name)
  }

  /// An element as its file has it.
  private func value(_ element: Int, of source: TensorLocation) throws -> Double? {
    guard let type = source.entry.dtype, type.isFloatingPoint else { return nil }
    return try withUnsafeTemporaryAllocation(byteCount: type.byteWidth, alignment: 8) { bytes in
      try RandomAccessFile(source.file)
        .read(at: source.offset + element * type.byteWidth, into: bytes)
      return NumberCheck.element(UnsafeRawBufferPointer(bytes), type, at: 0)
    }
  }

  private static func largest(_ type: DType) -> String {
    switch type {
    case .float16: "65504"
    case .bfloat16: "3.39e+38"
    default: "3.4028235e+38"
    }
  }
}
