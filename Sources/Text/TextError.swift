// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a tokenizer, a corpus, a shard of tokens or a manifest.
///
/// Its subject is the file, shard or key concerned.
public typealias TextError = ModuleError<TextErrorCode>

/// The kinds of ``TextError``.
public enum TextErrorCode: String, Sendable {
  /// A tokenizer's file contradicts itself or cannot be parsed.
  case invalidTokenizer
  /// A tokenizer's file is well formed but asks for a component that is not supported.
  case unsupportedTokenizer
  /// A file of text, or a folder of them, cannot be read.
  case unreadableInput
  /// A shard cannot be written or described as asked.
  case invalidShard
  /// A shard's bytes are not those that its manifest promises.
  case damagedShard
  /// A manifest cannot be parsed or contradicts itself.
  case invalidManifest
  /// The corpus holds fewer tokens than were asked for.
  case insufficientTokens
}
