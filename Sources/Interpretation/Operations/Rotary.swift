// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import LinearAlgebra

extension Interpreter {
  /// Turns the pair (j, j + r / 2) of each head in a slice's columns by position · frequency j, r being
  /// the number of components that turn; backward, by as much the other way.
  func turn(
    _ x: Activations<Scalar>, by embedding: RotaryEmbedding, slice: Program.Slice,
    headSize: Int, backward: Bool = false
  ) {
    let frequencies = embedding.frequencies(headSize: headSize)
    let (pairs, length) = (frequencies.count, batch.sequenceLength)
    let angles = (0..<length).flatMap { position in frequencies.map { Double(position) * $0 } }
    let cosines = angles.map { cos($0) }
    let sines = angles.map { backward ? -sin($0) : sin($0) }
    x.forEachRow(cost: 4, arithmetic) { row, x in
      let first = row % length * pairs
      for head in stride(from: slice.offset, to: slice.offset + slice.width, by: headSize) {
        for pair in 0..<pairs {
          let (cosine, sine) = (cosines[first + pair], sines[first + pair])
          let (a, b) = (x[head + pair], x[head + pair + pairs])
          x[head + pair] = a * cosine - b * sine
          x[head + pair + pairs] = b * cosine + a * sine
        }
      }
    }
  }
}
