// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// A value is a part of documents as it is: numbers keep their spelling, members their order.
extension JSONValue: Codable {
  /// Takes a value out of a document.
  public init(from decoder: any Decoder) throws {
    guard let decoder = decoder as? DocumentDecoder else {
      let context = DecodingError.Context(
        codingPath: decoder.codingPath, debugDescription: "only documents hold values as they are")
      throw DecodingError.dataCorrupted(context)
    }
    self = decoder.value
  }

  /// Puts the value into a document.
  public func encode(to encoder: any Encoder) throws {
    guard let encoder = encoder as? DocumentEncoder else {
      let context = EncodingError.Context(
        codingPath: encoder.codingPath, debugDescription: "only documents hold values as they are")
      throw EncodingError.invalidValue(self, context)
    }
    encoder.set(self)
  }
}
