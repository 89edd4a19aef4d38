// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Foundation
import Text
import Training

extension ModelGrowth {
  /// Writes the source's `tokenizer_config.json` with the grown context, or one that names the tokens
  /// where the source has only a `tokenizer.json`.
  func writeTokenizerSettings(
    to writer: CheckpointWriter, _ configuration: HuggingFaceConfiguration
  ) throws {
    let file = source.url.appending(path: TokenizerSettingsFile.name)
    if let data = try Self.contents(of: file) {
      let changed = TokenizerSettingsFile.changed(
        data, contextLength: target.contextLength,
        from: source.directory.configuration.model.contextLength)
      return try writer.write(changed ?? data, to: TokenizerSettingsFile.name)
    }
    // Growing needs no tokenizer: one that cannot be read comes along as it is.
    guard let tokenizer = try source.directory.tokenizerJSON(),
      let settings = try? TokenizerSettingsFile.encoded(
        for: tokenizer, beginningOfText: configuration.beginOfTextToken,
        endOfText: configuration.endOfTextTokens.first, contextLength: target.contextLength)
    else { return }
    try writer.write(settings, to: TokenizerSettingsFile.name)
  }

  /// The contents of a small file; nil where there is none.
  private static func contents(of file: URL) throws -> Data? {
    let path = file.path(percentEncoded: false)
    do { return try RegularFile.contents(of: path, atMost: 256 << 20) } catch {
      if error.code == .missing { return nil }
      throw GrowthError(.unreadableSource, error.message, subject: path)
    }
  }
}
