// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// What a `generation_config.json` says of how text is to be generated, beside its special tokens.
public struct GenerationRules: Sendable, Hashable {
  /// A setting that asks for something else than plain sampling.
  public struct Setting: Sendable, Hashable {
    /// Its key.
    public var key: String
    /// Its value as the file spells it.
    public var value: String
  }

  /// What logits of tokens that came before are divided by, or multiplied with where they are below
  /// zero; 1 for nothing.
  public var repetitionPenalty = 1.0
  /// Groups of so many tokens come only once; 0 for no such rule.
  public var noRepeatSize = 0
  /// The other settings that would change what is generated, in the order of the file.
  public var others: [Setting] = []

  /// Rules of a model without the file.
  public init() {}

  /// What each key means that is not there, of those that change a text.
  ///
  /// The lengths are left out, which whoever generates gives, and so are the settings of speed.
  private static let standards: [(key: String, values: [JSONValue])] = [
    ("do_sample", [.boolean(true)]), ("temperature", [JSONValue(1)]), ("top_k", [JSONValue(0)]),
    ("top_p", [JSONValue(1)]), ("min_p", [JSONValue(0)]), ("top_h", []),
    ("typical_p", [JSONValue(1)]), ("epsilon_cutoff", [JSONValue(0)]),
    ("eta_cutoff", [JSONValue(0)]), ("num_beams", [JSONValue(1)]),
    ("num_beam_groups", [JSONValue(1)]), ("penalty_alpha", [JSONValue(0)]),
    ("diversity_penalty", [JSONValue(0)]), ("min_length", [JSONValue(0)]),
    ("min_new_tokens", [JSONValue(0)]), ("encoder_repetition_penalty", [JSONValue(1)]),
    ("encoder_no_repeat_ngram_size", [JSONValue(0)]), ("bad_words_ids", []),
    ("force_words_ids", []), ("suppress_tokens", []), ("begin_suppress_tokens", []),
    ("sequence_bias", []), ("forced_bos_token_id", []), ("forced_eos_token_id", []),
    ("exponential_decay_length_penalty", []), ("guidance_scale", [JSONValue(1)]),
    ("stop_strings", []), ("constraints", []), ("dola_layers", []), ("watermarking_config", []),
    ("token_healing", [.boolean(false)]), ("remove_invalid_values", [.boolean(false)]),
  ]

  /// Reads the settings of a file.
  ///
  /// - Throws: ``ArchitecturesError`` that names file and key.
  init(_ reader: ConfigurationReader) throws {
    repetitionPenalty = try reader.number("repetition_penalty", default: 1)
    guard repetitionPenalty > 0 else {
      throw reader.wrong(
        "repetition_penalty", JSONValue(repetitionPenalty), expected: "a number above 0")
    }
    noRepeatSize = try reader.integer("no_repeat_ngram_size", default: 0)
    guard noRepeatSize >= 0 else {
      throw reader.wrong(
        "no_repeat_ngram_size", JSONValue(noRepeatSize), expected: "a whole number of at least 0")
    }
    let standards = Dictionary(uniqueKeysWithValues: Self.standards)
    others = reader.object.members.compactMap { member in
      guard let standard = standards[member.key], member.value != .null,
        !standard.contains(where: { $0 == member.value || Self.areEqual($0, member.value) }),
        !Self.isEmpty(member.value)
      else { return nil }
      let value = String(decoding: member.value.encoded(.compact), as: UTF8.self)
      return Setting(key: member.key, value: value)
    }
  }

  /// Whether two numbers are equal, however they are spelled.
  private static func areEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
    left.double.map { $0 == right.double } ?? false
  }

  private static func isEmpty(_ value: JSONValue) -> Bool {
    switch value {
    case .array(let values): values.isEmpty
    case .object(let object): object.members.isEmpty
    default: false
    }
  }
}
