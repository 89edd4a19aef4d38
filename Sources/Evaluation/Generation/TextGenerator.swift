// SPDX-License-Identifier: Apache-2.0
import Tensors
import Text
import Training
import Wording

/// How a text is generated.
public struct GenerationConfiguration: Sendable {
  /// The most tokens to generate.
  public var length: Int
  /// Chooses each token.
  public var sampler: Sampler
  /// What keeps the text from repeating itself.
  public var repetition: RepetitionRules
  /// Fixes all draws.
  public var seed: UInt64
  /// Tokens that end the text; they are not part of it.
  public var endTokens: Set<Int32>
  /// Texts that end the text; they are not part of it.
  public var stopTexts: [String]

  /// Makes a configuration.
  public init(
    length: Int, sampler: Sampler, seed: UInt64 = 0, endTokens: Set<Int32> = [],
    stopTexts: [String] = [], repetition: RepetitionRules = .none
  ) {
    self.length = length
    self.sampler = sampler
    self.repetition = repetition
    self.seed = seed
    self.endTokens = endTokens
    self.stopTexts = stopTexts
  }
}

/// A generated text.
public struct Generation: Sendable, Hashable, Codable {
  /// Why it ended.
  public enum End: String, Sendable, Hashable, Codable {
    /// It has the length that was asked for.
    case length
    /// The model ended it.
    case endOfText
    /// A stop text came.
    case stopText
  }
  /// The tokens, without the prompt's and without the one that ended the text; with a stop text's.
  public var tokens: [Int32]
  /// The text, without a stop text; nil where tokens have no text.
  public var text: String?
  /// Why it ended.
  public var end: End

  /// Makes a generated text.
  public init(tokens: [Int32], text: String?, end: End) {
    self.tokens = tokens
    self.text = text
    self.end = end
  }
}

/// What happens while a text is generated.
public enum GenerationEvent: Sendable, Hashable {
  /// A token came.
  case token(Int32)
  /// Text is sure by now: whole characters that begin no stop text; never empty.
  case text(String)
}

/// Generates text token by token, with the keys and values of earlier tokens kept.
///
/// Where the context is full, it begins anew with the last half of it, so that generation can go on
/// without end; what is older is forgotten then.
public struct TextGenerator {
  /// The model.
  public let model: any LanguageModel
  /// The most tokens that the model sees.
  public let contextLength: Int
  /// Where tokens get their text from; nil for tokens only.
  public let texts: TokenTexts?

  /// Makes a generator.
  ///
  /// - Parameter contextLength: at most what the model has positions for.
  /// - Throws: ``EvaluationError`` of code `invalidConfiguration`.
  public init(_ model: any LanguageModel, contextLength: Int, texts: TokenTexts?) throws {
    guard contextLength > 0 else {
      throw EvaluationError(
        .invalidConfiguration, "\(counted(contextLength, "token")); expected at least 1",
        subject: "context")
    }
    self.model = model
    self.contextLength = contextLength
    self.texts = texts
  }

  /// Continues a prompt.
  ///
  /// Token i of sample s is drawn with the first two words of Philox's block i of stream s under the
  /// seed. So equal seeds give equal texts, as far as the model gives equal logits.
  ///
  /// - Parameters:
  ///   - prompt: at least one token; of a prompt longer than the context the last part counts.
  ///   - sample: tells several texts of one seed apart.
  ///   - observe: called with each token as it comes, and with the text that is sure by then; what
  ///     it throws ends the generation.
  /// - Throws: ``EvaluationError`` for an empty prompt, stop texts where tokens have no text, and
  ///   logits that are none; the errors of the model.
  public func generate(
    from prompt: [Int32], _ configuration: GenerationConfiguration, sample: Int = 0,
    observe: (GenerationEvent) throws -> Void = { _ in }
  ) throws -> Generation {
    try check(prompt, configuration)
    let random = Philox(seed: configuration.seed)
    var sequence = GrowingSequence(
      model, prompt: prompt, contextLength: contextLength, length: configuration.length)
    var stream = TextStream(stopTexts: configuration.stopTexts)
    var tokens: [Int32] = []
    var text = ""
    func hand(_ more: String) throws {
      guard !more.isEmpty else { return }
      text += more
      try observe(.text(more))
    }
    var end = Generation.End.length
    while tokens.count < configuration.length {
      let draw = random.uniform(
        block: UInt64(tokens.count), stream: UInt64(truncatingIfNeeded: sample))
      var logits = try sequence.logits()
      try configuration.repetition.apply(to: &logits, after: prompt + tokens)
      let token = try configuration.sampler.token(from: logits, draw: draw)
      if configuration.endTokens.contains(token) {
        end = .endOfText
        break
      }
      let bytes = texts?.bytes(of: token, after: tokens.last ?? prompt.last) ?? []
      tokens.append(token)
      try observe(.token(token))
      try hand(stream.append(bytes))
      if stream.isStopped {
        end = .stopText
        break
      }
      sequence.append(token)
    }
    try hand(stream.finish())
    return Generation(tokens: tokens, text: texts == nil ? nil : text, end: end)
  }

  private func check(_ prompt: [Int32], _ configuration: GenerationConfiguration) throws {
    guard !prompt.isEmpty else {
      throw EvaluationError(
        .invalidConfiguration, "has no tokens; expected at least one to go on from",
        subject: "prompt")
    }
    guard configuration.length >= 0 else {
      throw EvaluationError(
        .invalidConfiguration, "\(counted(configuration.length, "token")); expected 0 or more",
        subject: "length")
    }
    guard texts != nil || configuration.stopTexts.isEmpty else {
      throw EvaluationError(
        .missingTokenizer, "need tokens with text; give a tokenizer or the tokens' texts",
        subject: "stop texts")
    }
  }
}

/// A sequence that slides over its context's end.
private struct GrowingSequence {
  private let model: any LanguageModel
  private let capacity: Int
  private var decoder: (any TokenDecoder)?
  /// The tokens in the context, the decoder's and those after them.
  private var window: [Int32]
  private var pending: [Int32]

  init(_ model: any LanguageModel, prompt: [Int32], contextLength: Int, length: Int) {
    self.model = model
    // The last token is never read, and short texts need no more keys and values than they have.
    let needed = prompt.count.addingReportingOverflow(max(0, length - 1))
    capacity = needed.overflow ? contextLength : min(contextLength, needed.partialValue)
    window = prompt.suffix(capacity)
    pending = window
  }

  mutating func append(_ token: Int32) {
    window.append(token)
    pending.append(token)
    guard window.count > capacity else { return }
    window = window.suffix(max(1, capacity / 2))
    pending = window
    decoder = nil
  }

  /// The logits that follow the last token.
  mutating func logits() throws -> [Float] {
    let decoder = try self.decoder ?? model.makeDecoder(capacity: capacity)
    self.decoder = decoder
    defer { pending.removeAll(keepingCapacity: true) }
    return try decoder.append(pending)
  }
}
