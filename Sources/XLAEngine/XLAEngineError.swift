// SPDX-License-Identifier: Apache-2.0
import Wording

/// What the accelerator engine, or a plugin of it, could not do.
///
/// Its subject is the plugin, parameter or batch concerned.
public typealias XLAEngineError = ModuleError<XLAEngineErrorCode>

/// The kinds of ``XLAEngineError``.
public enum XLAEngineErrorCode: String, Sendable {
  /// There is no plugin where one was looked for.
  case missingPlugin
  /// A file that is no plugin for this machine, or not a whole one.
  case invalidPlugin
  /// A plugin whose interface is too old, or of another major version.
  case unsupportedVersion
  /// A plugin that cannot do what was asked; its own words are in the message.
  case pluginFailure
  /// A device without room for a program or its arguments.
  case outOfMemory
  case invalidParameters, invalidBatch
}
