// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import StableHLO

/// Numbers that a program reads and nobody trains: made once on the host, in float64, and kept on the
/// device.
struct LookupTable: Hashable {
  enum Function: Hashable { case cosine, sine }
  var function: Function
  var embedding: RotaryEmbedding
  var headSize: Int
  /// Positions from 0 on.
  var positionCount: Int

  private var frequencies: [Double] { embedding.frequencies(headSize: headSize) }

  /// [positions, pairs].
  var type: TensorType { TensorType(.float32, [positionCount, frequencies.count]) }

  /// The function of position · frequency, row-major.
  var elements: [Float] {
    let frequencies = frequencies
    return (0..<positionCount).flatMap { position in
      frequencies.map { frequency in
        let angle = Double(position) * frequency
        return Float(function == .cosine ? cos(angle) : sin(angle))
      }
    }
  }
}
