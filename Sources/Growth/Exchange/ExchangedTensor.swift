// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors

/// A float32 tensor that is put together from parts of others, byte by byte.
struct ExchangedTensor: Sendable {
  /// Consecutive bytes.
  enum Piece: Sendable {
    /// Those of a file, from an offset on.
    case file(URL, offset: Int, byteCount: Int)
    /// Zeros, where there is no tensor.
    case zeros(byteCount: Int)
    /// Bytes that are known.
    case bytes([UInt8])

    var byteCount: Int {
      switch self {
      case .file(_, _, let byteCount), .zeros(let byteCount): byteCount
      case .bytes(let bytes): bytes.count
      }
    }
  }

  /// What it is in its file.
  var spec: TensorSpec
  /// The pieces in order.
  var pieces: [Piece]
  /// Where it comes from, for errors.
  var origin: String
  /// Whether a number below zero would be no mean of squares.
  var isMeanOfSquares = false

  /// The files that it needs.
  var files: [URL] {
    pieces.compactMap { piece in
      if case .file(let url, _, _) = piece { url } else { nil }
    }
  }
}

/// Makes the bytes of tensors that are put together.
struct PieceFiller: TensorFiller {
  let tensor: ExchangedTensor
  let files: [URL: RandomAccessFile]

  func fill(_ range: Range<Int>, of bytes: UnsafeMutableRawBufferPointer) throws {
    var start = 0
    for piece in tensor.pieces {
      let whole = start..<start + piece.byteCount
      start = whole.upperBound
      let wanted = whole.clamped(to: range)
      guard !wanted.isEmpty else { continue }
      let offset = wanted.lowerBound - range.lowerBound
      try fill(
        wanted.lowerBound - whole.lowerBound, of: piece,
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + wanted.count]))
    }
  }

  /// Fills with a piece's bytes from `start` on.
  private func fill(
    _ start: Int, of piece: ExchangedTensor.Piece, into bytes: UnsafeMutableRawBufferPointer
  ) throws {
    switch piece {
    case .file(let url, let offset, _):
      guard let file = files[url] else {
        throw GrowthError(.unreadableSource, "is not open", subject: url.path)
      }
      try file.read(at: offset + start, into: bytes)
    case .zeros: bytes.initializeMemory(as: UInt8.self, repeating: 0)
    case .bytes(let known): bytes.copyBytes(from: known[start..<start + bytes.count])
    }
  }
}
