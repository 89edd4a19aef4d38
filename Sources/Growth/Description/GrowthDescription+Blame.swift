// SPDX-License-Identifier: Apache-2.0
import Architectures

// Operators speak of a model's fields; who asked for a growth wrote options or keys.

extension GrowthDescription {
  /// The parameters that may state a field of a model, or what an operator calls its subject.
  private static let parametersOfFields: [String: [GrowthParameter]] = [
    "hiddenSize": [.width, .hidden], "headCount": [.width, .heads],
    "keyValueHeadCount": [.width, .heads], "headSize": [.headSize],
    "intermediateSize": [.width, .feedForward], "layerCount": [.depth, .layers],
    "depth": [.depth, .layers], "placement": [.placement], "output scale": [.outputScale],
    "vocabularySize": [.vocabulary], "contextLength": [.context],
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
    var said = (Self.parametersOfFields[field] ?? []).filter { $0.written(in: self) != nil }
    // What several sizes come to together is said of one of the model's fields.
    if said.isEmpty, error is ArchitecturesError { said = given.filter { $0.group == .size } }
    return said.isEmpty ? nil : said.map { $0.name(spelling) }.joined(separator: ", ")
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
