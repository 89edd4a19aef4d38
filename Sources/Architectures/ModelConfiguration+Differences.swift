// SPDX-License-Identifier: Apache-2.0

extension ModelConfiguration {
  /// What of a configuration may differ from another, by the name that recipes give it.
  ///
  /// Dropout, which changes no weight, is left out.
  package enum Field: String, CaseIterable, Sendable {
    case architecture, layers, hidden, heads, keyValueHeads, headSize, intermediate, vocabulary
    case context, normEpsilon, tieHead, logitScale, ropeBase

    /// Those that a recipe's `model` says.
    package static let recipe = Set(allCases).subtracting([.logitScale])

    /// The field that an ``ArchitecturesError`` complains of; nil where it complains of none alone.
    package init?(subject: String) {
      switch subject {
      case "layerCount": self = .layers
      case "hiddenSize": self = .hidden
      case "headCount": self = .heads
      case "keyValueHeadCount": self = .keyValueHeads
      case "headSize": self = .headSize
      case "intermediateSize": self = .intermediate
      case "vocabularySize": self = .vocabulary
      case "contextLength": self = .context
      case "normEpsilon": self = .normEpsilon
      case "tiesHead": self = .tieHead
      case "logitScale": self = .logitScale
      case "rotary.base": self = .ropeBase
      default: return nil
      }
    }

    fileprivate func text(of model: ModelConfiguration) -> String {
      switch self {
      case .architecture: model.family.name
      case .layers: "\(model.layerCount)"
      case .hidden: "\(model.hiddenSize)"
      case .heads: "\(model.headCount)"
      case .keyValueHeads: "\(model.keyValueHeadCount)"
      case .headSize: "\(model.headSize)"
      case .intermediate: "\(model.intermediateSize)"
      case .vocabulary: "\(model.vocabularySize)"
      case .context: "\(model.contextLength)"
      case .normEpsilon: "\(model.normEpsilon)"
      case .tieHead: "\(model.tiesHead)"
      case .logitScale: "\(model.logitScale)"
      case .ropeBase: model.rotary.map { "\($0.base)" } ?? "none"
      }
    }
  }

  /// A field of which two configurations have different values.
  package struct Difference: Sendable {
    /// The field.
    package let field: Field
    /// The one's value and the other's.
    package let values: (String, String)
  }

  /// What differs from another configuration.
  package func differences(
    from other: ModelConfiguration, in fields: Set<Field> = Set(Field.allCases)
  ) -> [Difference] {
    Field.allCases.filter(fields.contains).compactMap { field in
      let values = (field.text(of: self), field.text(of: other))
      return values.0 == values.1 ? nil : Difference(field: field, values: values)
    }
  }
}

extension [ModelConfiguration.Difference] {
  /// The differences in one line, for messages: `hidden is 8, not 16`.
  ///
  /// - Parameter other: what stands between the one's value and the other's.
  package func listed(as other: String = ", not ") -> String {
    map { "\($0.field.rawValue) is \($0.values.0)\(other)\($0.values.1)" }.joined(separator: ", ")
  }
}
