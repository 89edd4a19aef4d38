// SPDX-License-Identifier: Apache-2.0
import Wording

/// What is wrong with a model's configuration, or with a file that should hold one.
///
/// Its subject is the field or file concerned.
public typealias ArchitecturesError = ModuleError<ArchitecturesErrorCode>

/// The kinds of ``ArchitecturesError``.
public enum ArchitecturesErrorCode: String, Sendable {
  /// Sizes or rates that no model can have.
  case invalidConfiguration
  /// A family that no program is written for.
  case unsupportedArchitecture
  /// A switch of a known family that its program does not compute.
  case unsupportedFeature
  /// A configuration file that is no JSON, or whose values are missing or of the wrong kind.
  case malformedFile
  /// Tensors of a checkpoint that do not fit the program's parameters.
  case parameterMismatch
}
