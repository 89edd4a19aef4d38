// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Text

extension TokenBatch {
  /// Batches of independent, equally likely tokens of a model; every position has a target.
  ///
  /// - Parameters:
  ///   - length: tokens of a sequence, where the model's context is not shorter.
  ///   - seed: fixes the tokens.
  public static func random(
    count: Int, for model: ModelConfiguration, sequences: Int, length: Int, seed: UInt64
  ) -> [TokenBatch] {
    let length = max(1, min(length, model.contextLength))
    let generator = Philox(seed: seed)
    return (0..<count).map { batch in
      let rows = (0..<sequences).map { sequence -> [Int32] in
        (0...length).map { position in
          let words = generator.words(
            SIMD4(
              UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: sequence),
              UInt32(truncatingIfNeeded: batch), 0))
          // The upper half of the product maps the word to 0 ..< vocabulary.
          return Int32((UInt64(words.x) * UInt64(max(1, model.vocabularySize))) >> 32)
        }
      }
      return TokenBatch(
        sequenceCount: sequences, sequenceLength: length, inputs: rows.flatMap { $0.dropLast() },
        targets: rows.flatMap { $0.dropFirst() })
    }
  }
}
