// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension TokenizerClass {
  /// The template of a `tokenizer.json`, or the one that the class puts in its place; the added tokens
  /// are there.
  func template(
    _ description: TokenizerDescription, _ tokens: SpecialTokens, settings: SettingsReader,
    subject: String
  ) throws(TextError) -> JSONValue {
    let file = description.postProcessor
    switch self {
    case .codeLlama:
      let template = TextTemplate.json(before: tokens.added("bos_token", description), after: nil)
      return try Self.choose(template, over: file, of: description, subject: subject)
    case .roberta:
      let template = TextTemplate.json(
        before: tokens.added("cls_token", description),
        after: tokens.added("sep_token", description))
      return try Self.choose(template, over: file, of: description, subject: subject)
    case .whisper:
      let template = try whisperTemplate(
        description, tokens: tokens, settings: settings, subject: subject)
      return try Self.choose(template, over: file, of: description, subject: subject)
    default: return file
    }
  }

  /// Whisper's beginning of a transcription without time stamps.
  private func whisperTemplate(
    _ description: TokenizerDescription, tokens: SpecialTokens, settings: SettingsReader,
    subject: String
  ) throws(TextError) -> JSONValue {
    for key in ["language", "task"] {
      guard let value = settings.object[key], value != .null else { continue }
      throw settings.reader.unsupported("\(key) \(value.summary) of Whisper", supported: "null")
    }
    let hasTimes = try settings.flag("predict_timestamps")
    let index = try description.model.index(subject: subject)
    // As in the reference what the vocabulary does not have is the unknown token.
    let before = ["<|startoftranscript|>", hasTimes ? nil : "<|notimestamps|>"].compactMap {
      $0.flatMap { Self.token($0, description, index) ?? tokens.added("unk_token", description) }
    }
    let after = [tokens.added("eos_token", description)].compactMap { $0 }
    return TextTemplate.json(before: before, after: after)
  }

  private static func token(
    _ content: String, _ description: TokenizerDescription, _ index: TokenIndex
  ) -> AddedToken? {
    description.addedTokens.first { $0.content.utf8.elementsEqual(content.utf8) }
      ?? index.id(of: content).map { AddedToken(id: $0, content: content) }
  }

  /// The file's template where it means the same as the class's own, which keeps the fingerprint.
  private static func choose(
    _ own: JSONValue, over file: JSONValue, of description: TokenizerDescription, subject: String
  ) throws(TextError) -> JSONValue {
    let index = try TokenVocabulary(description, subject: subject).index
    guard let template = try? TextTemplate(json: file, index: index, subject: subject) else {
      return own
    }
    return try TextTemplate(json: own, index: index, subject: subject) == template ? file : own
  }

  /// Whether a part puts tokens around a text as `TemplateProcessing` does.
  static func hasTemplate(_ json: JSONValue) -> Bool {
    if json["type"] == "TemplateProcessing" { return true }
    guard case .array(let parts)? = json["processors"] else { return false }
    return parts.contains { $0["type"] == "TemplateProcessing" }
  }
}
