// SPDX-License-Identifier: Apache-2.0
import Wording

/// What is wrong with a recipe or a run.
///
/// Its subject is the place in the recipe (file, line, key path), the override, or the path
/// concerned.
public typealias StagingError = ModuleError<StagingErrorCode>

/// The kinds of ``StagingError``.
public enum StagingErrorCode: String, Sendable {
  /// The recipe's file cannot be read.
  case unreadableRecipe
  /// A file of a run cannot be read.
  case unreadableFile
  /// A file or directory cannot be written.
  case unwritableFile
  /// Several mistakes of a recipe, each on a line of the message.
  case severalMistakes
  /// The recipe is not YAML.
  case invalidYAML
  /// A key that no recipe has.
  case unknownKey
  /// A key that every recipe needs.
  case missingKey
  /// A value of the wrong type: text for a number, a list for a group of keys.
  case wrongType
  /// A value of the right type that is out of range or contradicts another.
  case invalidValue
  /// An override that does not read `key.path=value` or does not fit the recipe.
  case invalidOverride
  /// There is a run already.
  case runExists
  /// There is no run to resume, or it cannot be resumed.
  case runUnavailable
  /// Another process trains this run.
  case runBusy
  /// Text to train on is missing, or prepared data do not fit the recipe.
  case dataUnavailable
  /// A checkpoint to start from does not fit the recipe.
  case incompatibleCheckpoint
  /// What lies at a path is nothing that can be inspected.
  case notInspectable
  /// A growth changed what it promised to keep.
  case brokenGuarantee
}
