// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import Testing

/// What `espalier generate` makes of a model's `generation_config.json`.
@Suite("Generation settings of models")
struct GenerationSettingsTests {
  private let place: CommandWorkplace

  init() throws {
    place = try CommandWorkplace()
    try FileManager.default.copyItem(
      at: FamilyGolden(name: "llama").url, to: place.url.appending(path: "model"))
  }

  private func generate(
    _ settings: String, _ arguments: String...
  ) throws -> (ids: [Int], notes: String) {
    try Data(settings.utf8).write(to: place.url.appending(path: "model/generation_config.json"))
    let result = try BuiltCommand.run(
      ["generate", "model", "--tokens", "1", "2", "3", "--length", "20", "--greedy", "--no-echo"]
        + arguments, in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    return (
      result.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }, result.errors
    )
  }

  @Test("repetition is kept down as the file says, or as the options say instead")
  func repetition() throws {
    let plain = try generate("{}")
    #expect(Set(plain.ids).count < plain.ids.count)
    let once = try generate("{\"no_repeat_ngram_size\": 1}")
    #expect(once.ids.count == 20 && Set(once.ids + [1, 2, 3]).count == 23)
    #expect(once.notes.isEmpty)
    #expect(try generate("{\"no_repeat_ngram_size\": 1}", "--no-repeat-size", "0").ids == plain.ids)
    let penalised = try generate("{\"repetition_penalty\": 1e6}")
    #expect(penalised.ids != plain.ids)
    #expect(try generate("{}", "--repetition-penalty", "1e6").ids == penalised.ids)
  }

  @Test("settings that are not followed are named, with the options that ask for them")
  func others() throws {
    let beams = try generate("{\"num_beams\": 4, \"top_p\": 0.9, \"length_penalty\": 2.0}")
    #expect(
      beams.notes.contains(
        "Note: generation_config.json says num_beams (4), which is not followed"), "\(beams.notes)")
    // Greedily, nothing is drawn; and what is said of speed or is as ever is no news.
    #expect(
      try generate("{\"top_p\": 0.9, \"temperature\": 0.6, \"use_cache\": true}").notes.isEmpty)
    try Data("{\"do_sample\": true, \"temperature\": 0.6, \"top_k\": 50}".utf8)
      .write(to: place.url.appending(path: "model/generation_config.json"))
    let drawn = try BuiltCommand.run(
      ["generate", "model", "--tokens", "1", "--length", "2", "--top-k", "50"], in: place.url)
    #expect(
      drawn.errors.contains(
        "says temperature (0.6), which is not followed; to ask for it, give --temperature 0.6"),
      "\(drawn.errors)")
  }
}
