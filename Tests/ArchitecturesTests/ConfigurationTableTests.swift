// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import OrderedJSON
import Testing

@Suite("config.json as transformers means it") struct ConfigurationTableTests {
  /// Files that transformers rejects and that are read nevertheless.
  ///
  /// What it rejects them for is not the model's function: a padding token outside the vocabulary, keys
  /// of Phi-3 that its model does not read, tables of rotary positions in a GPT-2, a head size that
  /// Ministral wants written, as which it reads a Mistral with `layer_types`. Growths of one size alone
  /// make widths that the heads do not share evenly.
  private func isReadAnyway(_ golden: ConfigurationGolden, _ error: String) -> Bool {
    let unread = ["embd_pdrop", "original_max_position_embeddings"]
    let tables = ["rope_scaling", "rope_parameters"]
    return error.contains("Padding_idx")
      || golden.family == "gpt2" && tables.contains { golden.change[$0] != nil }
      || golden.family == "phi3" && unread.contains { golden.change[$0] == .null }
      || golden.family == "mistral" && golden.change["layer_types"] != nil
        && error.contains("'NoneType' and")
      || error.contains("StrictDataclassClassValidationError")
        && golden.object["head_dim"] != nil && golden.family == "llama"
  }

  @Test(
    "Each key absent, null and set, and keys that meet", arguments: ConfigurationGolden.families)
  func reading(family: String) throws {
    let cases = try ConfigurationGolden.cases(of: family)
    #expect(cases.count > 300)
    for golden in cases {
      let read = Result { try HuggingFaceConfiguration(golden.data) }
      switch (golden.outcome, read) {
      case (.reads(let reads, _), .success(let configuration)):
        let differences = ConfigurationGolden.differences(of: configuration, from: reads)
        #expect(differences.isEmpty, "\(golden): \(differences.joined(separator: "; "))")
        #expect(try configuration.encoded() == golden.data, "\(golden)")
      case (.reads, .failure(let error)):
        Issue.record("\(golden): transformers reads it, and here \(error)")
      case (.rejected(let error), .success):
        if !isReadAnyway(golden, error) { Issue.record("\(golden): transformers says \(error)") }
      case (.unsupported, .success):
        Issue.record("\(golden): is read, and another function than transformers' is computed")
      case (_, .failure(let error)):
        #expect(error is ArchitecturesError, "\(golden): \(error)")
      }
    }
  }

  @Test(
    "Changed as growths change models, a file says the new one, however it said the old",
    arguments: ConfigurationGolden.families)
  func writing(family: String) throws {
    for golden in try ConfigurationGolden.cases(of: family) {
      guard case .reads = golden.outcome else { continue }
      let source = try HuggingFaceConfiguration(golden.data)
      for change in Self.changes {
        var grown = source
        change(&grown.model)
        let text = try grown.encoded()
        let again = try HuggingFaceConfiguration(text)
        #expect(again.model == grown.model, "\(golden): \(String(decoding: text, as: UTF8.self))")
        #expect(try again.encoded() == text)
      }
    }
  }

  private static let changes: [@Sendable (inout ModelConfiguration) -> Void] = [
    { $0.layerCount *= 2 },
    { $0.contextLength *= 2 },
    {
      $0.headCount *= 2
      $0.keyValueHeadCount *= 2
      $0.hiddenSize *= 2
      $0.intermediateSize *= 2
    },
    { $0.rotary?.base *= 3 },
    { $0.tiesHead.toggle() },
  ]

  @Test("The tokens that end a text, where two files speak")
  func generation() throws {
    let goldens = try ConfigurationGolden.generations()
    #expect(goldens.count > 50)
    for golden in goldens {
      let read = Result {
        try HuggingFaceConfiguration(
          golden.configuration, generation: golden.generation.map { ($0, "generation_config.json") }
        )
      }
      guard let ends = golden.ends else {
        guard case .failure(let error) = read else {
          // A list without ids, at which transformers fails, ends nothing.
          #expect(try read.get().endOfTextTokens.isEmpty, "\(golden)")
          continue
        }
        #expect(error is ArchitecturesError)
        continue
      }
      let configuration = try read.get()
      #expect(configuration.endOfTextTokens == ends, "\(golden)")
      if let data = golden.generation { #expect(configuration.encodedGeneration() == data) }
    }
  }

  @Test("Written again, both files name the same ends")
  func generationWritten() throws {
    for golden in try ConfigurationGolden.generations() {
      guard let ends = golden.ends,
        let configuration = try? HuggingFaceConfiguration(
          golden.configuration, generation: golden.generation.map { ($0, "generation_config.json") }
        )
      else { continue }
      let alone = try HuggingFaceConfiguration(configuration.encoded())
      #expect(ends.isEmpty || alone.endOfTextTokens == ends, "\(golden)")
      let both = try HuggingFaceConfiguration(
        configuration.encoded(),
        generation: (configuration.encodedGeneration(), "generation_config.json"))
      #expect(both.endOfTextTokens == ends, "\(golden)")
    }
  }
}
