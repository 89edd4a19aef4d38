// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording

/// What is wrong with a document.
///
/// Its subject is the place in the document, as `stages[1].grow.depth`, and empty where all of it is
/// meant: the file is known to the caller.
package typealias DocumentError = ModuleError<DocumentErrorCode>

/// The kinds of ``DocumentError``.
package enum DocumentErrorCode: String, Sendable {
  /// Text that is no JSON.
  case malformed
  /// A key that must be there.
  case missingKey
  /// A value of another type: text for a number, a list for a group of keys.
  case wrongType
  /// A version of the format that this program does not read.
  case unsupportedVersion
  /// A value of the right type that is out of range, unknown or contradictory.
  case invalidValue
}

/// Where a value stands in a document: `stages[1].grow.depth`.
package indirect enum DocumentPath: Sendable, Hashable, CustomStringConvertible {
  /// The whole document.
  case root
  /// A member of a group of keys.
  case key(DocumentPath, String)
  /// An element of a list, from 0.
  case index(DocumentPath, Int)

  package var description: String {
    switch self {
    case .root: ""
    case .key(.root, let key): key.excerpt
    case .key(let parent, let key): "\(parent).\(key.excerpt)"
    case .index(let parent, let index): "\(parent)[\(index)]"
    }
  }

  /// The path of a member.
  package func appending(_ key: String) -> DocumentPath { .key(self, key) }

  /// The path of an element.
  package func appending(_ index: Int) -> DocumentPath { .index(self, index) }
}
