// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Text

extension CheckpointWriter {
  /// Writes `tokenizer.json`, and the `tokenizer_config.json` that makes other programs read it so.
  ///
  /// - Parameters:
  ///   - tokenizer: the contents of `tokenizer.json`; nil writes nothing.
  ///   - configuration: names the tokens that begin and end a text, and the context.
  /// - Throws: the errors of Checkpoints and Text.
  func write(tokenizer: Data?, for configuration: HuggingFaceConfiguration) throws {
    guard let tokenizer else { return }
    try write(tokenizer, to: TrainingStateFiles.tokenizer)
    try write(
      TokenizerSettingsFile.encoded(
        for: tokenizer, beginningOfText: configuration.beginOfTextToken,
        endOfText: configuration.endOfTextTokens.first,
        contextLength: configuration.model.contextLength),
      to: TokenizerSettingsFile.name)
  }
}
