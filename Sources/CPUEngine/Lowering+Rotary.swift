// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import Foundation
import LinearAlgebra

/// Cosines and sines of every position's angles: [positions, turned components / 2].
final class RotaryTable: Sendable {
  /// What tells tables of one program apart.
  struct Key: Hashable {
    var embedding: RotaryEmbedding
    var headSize: Int
  }

  let cosines: [Float]
  let sines: [Float]

  init(_ embedding: RotaryEmbedding, headSize: Int, positions: Int) {
    let frequencies = embedding.frequencies(headSize: headSize)
    var cosines: [Float] = []
    var sines: [Float] = []
    for position in 0..<positions {
      for frequency in frequencies {
        cosines.append(Float(cos(Double(position) * frequency)))
        sines.append(Float(sin(Double(position) * frequency)))
      }
    }
    self.cosines = cosines
    self.sines = sines
  }
}

/// Rotary turns in place, forward and, by the opposite angles, backward; nothing needs the vectors
/// before the turn.
extension Lowering {
  mutating func rotaryForward(_ index: Int) {
    guard case .rotary(_, let slice, _, let output) = operations[index] else { return }
    var x = value(slice.value)
    if !analysis.isOnlyConsumer(index, of: slice.value) {
      let own = makeMatrix(program.widths[slice.value], analysis.types[output])
      emitRowCopy(x, own)
      x = own
    } else {
      turnedInPlace[output] = slice.value
    }
    values[output] = x
    emitTurn(index, x.slice(slice.offset, slice.width), inverse: false)
  }

  mutating func rotaryBackward(_ index: Int) {
    guard case .rotary(_, let slice, _, let output) = operations[index] else { return }
    let dy = gradient(output)
    emitTurn(index, dy.slice(slice.offset, slice.width), inverse: true)
    if gradients[slice.value] == nil { gradients[slice.value] = dy }
  }

  private mutating func emitTurn(_ index: Int, _ x: Matrix, inverse: Bool) {
    guard case .rotary(let embedding, _, let headSize, _) = operations[index] else { return }
    let table = rotaryTable(embedding, headSize)
    let turned = embedding.turnedSize(headSize: headSize)
    let (team, rows, length) = (team, rowCount, sequenceLength)
    let heads = x.columns / headSize
    emit("rotary", uses: [x]) { run in
      table.cosines.withUnsafeBufferPointer { cosines in
        table.sines.withUnsafeBufferPointer { sines in
          team.split(rows) { range, _ in
            if x.type == .float32 {
              ck_rotary_f32(
                run.floats(x), x.stride, heads, headSize, turned, cosines.baseAddress,
                sines.baseAddress, length, run.firstPosition, inverse ? 1 : 0, range.lowerBound,
                range.upperBound)
            } else {
              ck_rotary_bf16(
                run.halves(x), x.stride, heads, headSize, turned, cosines.baseAddress,
                sines.baseAddress, length, run.firstPosition, inverse ? 1 : 0, range.lowerBound,
                range.upperBound)
            }
          }
        }
      }
    }
  }

  private mutating func rotaryTable(_ embedding: RotaryEmbedding, _ headSize: Int) -> RotaryTable {
    let key = RotaryTable.Key(embedding: embedding, headSize: headSize)
    if let known = rotaryTables[key] { return known }
    let made = RotaryTable(embedding, headSize: headSize, positions: positionCount)
    rotaryTables[key] = made
    return made
  }
}
