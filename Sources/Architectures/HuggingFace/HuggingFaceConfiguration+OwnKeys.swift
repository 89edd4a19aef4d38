// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension HuggingFaceConfiguration {
  /// A key of `config.json` that only this library knows.
  public struct OwnKey: Sendable, Hashable, CustomStringConvertible {
    /// The key.
    public var name: String
    /// Its value as the file spells it.
    public var value: String
    /// Key and value, for people.
    public var description: String { "\(name) (\(value))" }
  }

  /// The keys of a model's `config.json` without which it computes something else, and for which
  /// transformers has no word: it opens the model and computes another function, or does not open it.
  ///
  /// Dropout, which changes no function, is left out.
  public static func ownKeys(of model: ModelConfiguration) throws -> [OwnKey] {
    var model = model
    model.dropout = .none
    let file = try HuggingFaceConfiguration(model).encoded()
    guard case .object(let object) = try JSONValue(parsing: [UInt8](file)) else { return [] }
    return object.members.filter { $0.key.hasPrefix("espalier_") }.map {
      OwnKey(name: $0.key, value: String(decoding: $0.value.encoded(.compact), as: UTF8.self))
    }
  }

  /// What a user should know of a model with such keys; nil for none.
  ///
  /// - Parameter keys: the keys with their values, for people.
  public static func warning(of keys: [String]) -> String? {
    keys.isEmpty
      ? nil
      : "transformers computes another function of this model, or does not open it: its config.json "
        + "needs \(keys.joined(separator: " and ")), which only Espalier heeds"
  }
}
