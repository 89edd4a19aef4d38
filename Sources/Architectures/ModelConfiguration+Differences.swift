// SPDX-License-Identifier: Apache-2.0

extension ModelConfiguration {
  /// What differs from another configuration, for messages: `hiddenSize is 8, not 16`.
  ///
  /// Dropout, which changes no weight, is left out.
  package func differences(from other: ModelConfiguration) -> [String] {
    zip(described, other.described).compactMap { own, other in
      own.value == other.value ? nil : "\(own.name) is \(own.value), not \(other.value)"
    }
  }

  private var described: [(name: String, value: String)] {
    [
      ("family", family.name), ("layerCount", "\(layerCount)"), ("hiddenSize", "\(hiddenSize)"),
      ("headCount", "\(headCount)"), ("keyValueHeadCount", "\(keyValueHeadCount)"),
      ("headSize", "\(headSize)"), ("intermediateSize", "\(intermediateSize)"),
      ("vocabularySize", "\(vocabularySize)"), ("contextLength", "\(contextLength)"),
      ("normEpsilon", "\(normEpsilon)"), ("tiesHead", "\(tiesHead)"),
      ("logitScale", "\(logitScale)"), ("rotary base", "\(rotary.map { "\($0.base)" } ?? "none")"),
    ]
  }
}
