// SPDX-License-Identifier: Apache-2.0
import Architectures

// Operators speak of a model's fields; who asked for a growth wrote options or keys.

extension GrowthDescription {
  /// The parameters that may state a field of a model, or what an operator calls its subject, the one
  /// that speaks of it alone first.
  private static let parametersOfFields: [String: [GrowthParameter]] = [
    "width": [.width], "noise": [.noise],
    "hiddenSize": [.hidden, .width], "headCount": [.heads, .width],
    "keyValueHeadCount": [.heads, .width], "headSize": [.headSize],
    "intermediateSize": [.feedForward, .width], "layerCount": [.layers, .depth],
    "depth": [.layers, .depth], "layers": [.layers, .placement],
    "placement": [.placement, .layers],
    "block": [.block, .layers, .depth], "output scale": [.outputScale],
    "vocabularySize": [.vocabulary], "contextLength": [.context], "rotary": [.context],
    "traits.experts": [.experts], "traits.experts.count": [.experts],
    "traits.experts.perToken": [.experts], "experts": [.experts],
  ]

  /// The names of the parameters that say what an error of this growth complains of; nil where it
  /// complains of something else.
  ///
  /// - Parameter error: of `GrowthError` or `ArchitecturesError`, whose subject is a model's field.
  public func names(behind error: any Error, _ spelling: GrowthParameter.Spelling) -> String? {
    let field =
      switch error {
      case let error as GrowthError: error.subject
      case let error as ArchitecturesError: error.subject
      default: ""
      }
    let said = (Self.parametersOfFields[field] ?? []).first { $0.written(in: self) != nil }
    if let said { return said.name(spelling) }
    // What several sizes come to together is said of one of the model's fields.
    let sizes = error is ArchitecturesError ? given.filter { $0.group == .size } : []
    return sizes.isEmpty ? nil : sizes.map { $0.name(spelling) }.joined(separator: ", ")
  }

  /// Does something, and names what was asked for in errors that complain of a model's fields.
  ///
  /// - Throws: what `body` does.
  public func naming<Result>(
    _ spelling: GrowthParameter.Spelling, _ body: () throws -> Result
  ) throws -> Result {
    do { return try body() } catch {
      guard let names = names(behind: error, spelling) else { throw error }
      switch error {
      case let error as GrowthError:
        throw GrowthError(error.code, error.message, subject: names)
      case let error as ArchitecturesError:
        throw ArchitecturesError(error.code, error.message, subject: names)
      default: throw error
      }
    }
  }
}
