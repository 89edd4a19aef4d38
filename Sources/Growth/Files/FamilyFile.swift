// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Documents
import Foundation
import Yams
import Wording

/// A file that describes a family of models, in YAML or JSON.
///
/// It says where the family differs from Llama: under `traits` what its blocks compute, under
/// `tensors` how its files name them, under `keys` where its `config.json` keeps the sizes.
public struct FamilyFile: Sendable, Hashable {
  /// Descriptions are written by hand.
  private static let largestFile = 16 << 20

  /// What the file describes.
  public var family: DecoderFamily

  /// A file of a description.
  public init(_ family: DecoderFamily) { self.family = family }

  /// Reads a description.
  ///
  /// - Throws: ``GrowthError`` of code `unreadableSource` naming the file, the key and what was
  ///   expected; `ArchitecturesError` for a description that contradicts itself.
  public init(contentsOf url: URL) throws {
    let path = url.path(percentEncoded: false)
    let text: String
    do { text = try RegularFile.text(of: path, atMost: Self.largestFile) } catch {
      throw GrowthError(.unreadableSource, error.message, subject: path)
    }
    try self.init(yaml: text, name: path)
  }

  /// Reads a description.
  ///
  /// - Parameter name: the file, for messages.
  public init(yaml: String, name: String) throws {
    do { family = try Document(yaml: yaml).decode() } catch {
      let isNone = (error as? DocumentError).map { $0.code == .wrongType && $0.subject.isEmpty }
      throw GrowthError(
        .unreadableSource, "is no description of a family", subject: name, cause: error,
        remedy: isNone ?? false ? "name and modelClass are needed" : nil)
    }
    do { try family.validate() } catch let error as ArchitecturesError {
      throw ArchitecturesError(error.code, error.message, subject: "\(name): \(error.subject)")
    }
  }

  /// The description in YAML, all of it.
  ///
  /// - Throws: ``GrowthError`` for a number with more digits than YAML's writer keeps.
  public func yaml() throws -> String {
    let encoder = YAMLEncoder()
    encoder.options.width = 100
    let text = try encoder.encode(family)
    guard try Document(yaml: text).decode() == family else {
      throw GrowthError(
        .unsupported, "has a number of more than 15 digits, which its description would round",
        subject: "family \(family.name)")
    }
    return text
  }
}
