// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// Whatever names, keys and values hold, a terminal gets only what it shows.
@Suite("Control characters") struct HostileTextTests {
  /// Codes that set a title, go back, colour, turn the text around, and lines that look like the
  /// command's own.
  private static let hostile =
    "x\u{1B}]0;t\u{7}\r\u{8}\u{9B}31m\u{7F}\u{202E}\u{2066}\u{200F}\u{2028}"
    + "\nError: forged\nUsage: forged \u{1B}[2J\nHelp:  forged \u{1B}c\nWrote forged"

  /// The text within double quotes, of JSON or YAML.
  private static let quoted = hostile.unicodeScalars.map { scalar in
    scalar.value < 0x20 || scalar.value >= 0x7F
      ? "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
        + String(scalar.value, radix: 16)
      : String(scalar)
  }.joined()

  private struct Place {
    let place: CommandWorkplace
    var url: URL { place.url }

    init() throws {
      place = try CommandWorkplace()
      try write("config.json", #"{"model_type": "Q", "Q": "Q"}"#)
      try write("growth.json", #"{"formatVersion": 1, "steps": [{"Q": "Q"}], "Q": 1}"#)
      try write("receipt.json", #"{"formatVersion": 1, "steps": [], "options": {"moments": "Q"}}"#)
      try write("plan.json", #"{"version": 1, "Q": "Q", "stages": [{"model": {"family": "Q"}}]}"#)
      try write("curve.csv", "Q,loss\nQ,1\n", quoted: false)
      try write(
        "family.yaml", #"{"name": "Q", "modelClass": "Q", "traits": {"norm": "Q"}, "Q": 1}"#)
      try write(
        "merge.yaml",
        #"{"merge_method": "passthrough", "slices": [{"sources": [{"model": "Q", "layer_range": [0, "Q"]}]}]}"#
      )
      try write("lines.jsonl", #"{"Q": "Q"}"# + "\n")
      try write("pieces.json", #"["Q", 3]"#)
      for (index, recipe) in [
        #"{"Q": 1}"#, #"{"model": {"Q": 1, "layers": "Q"}, "tokenizer": {"kind": "Q"}}"#,
        #"{"data": {"train": "Q"}, "schedule": {"total": "Q", "kind": "Q"}, "stages": [{"until": "Q"}]}"#,
      ].enumerated() {
        try write("recipe-\(index).yaml", recipe)
      }
      try write(
        "tokenizer.json",
        #"{"model": {"type": "Q", "vocab": {"Q": "Q"}, "merges": ["Q"]}, "added_tokens": [{"content": "Q"}]}"#
      )
      try write("recipe.yaml-broken", "a: [\"Q\n", quoted: false)
      let files = FileManager.default
      try files.copyItem(
        at: url.appending(path: "recipe.yaml"), to: url.appending(path: HostileTextTests.hostile))
    }

    private func write(_ name: String, _ text: String, quoted: Bool = true) throws {
      let text = text.replacing(
        "Q", with: quoted ? HostileTextTests.quoted : HostileTextTests.hostile)
      try Data(text.utf8).write(to: url.appending(path: name))
    }

    /// Damages a file at its end.
    func append(_ text: String, to name: String) throws {
      let file = url.appending(path: name.replacing("Q", with: HostileTextTests.hostile))
      let old = try Data(contentsOf: file)
      let text = text.replacing("Q", with: HostileTextTests.quoted)
      try (old + Data("\(text)\n\(text)\n".utf8)).write(to: file)
    }

    /// Runs a command in which `Q` is the hostile text.
    func check(_ command: String, status: Int32? = nil) throws {
      let arguments = command.split(separator: " ")
        .map { String($0).replacing("Q", with: HostileTextTests.hostile) }
      let result = try BuiltCommand.run(arguments, in: url)
      if let status { #expect(result.status == status, "\(command): \(result.errors)") }
      for text in [result.output, result.errors] {
        let controls = text.unicodeScalars.filter { HostileTextTests.isControl($0) }
        #expect(controls.isEmpty, "\(command): \(text.debugDescription)")
        let forged = text.split(separator: "\n").filter { line in
          ["Error: forged", "Usage: forged", "Help:  forged", "Wrote forged"].contains {
            line.hasPrefix($0)
          }
        }
        #expect(forged.isEmpty, "\(command): \(text.debugDescription)")
      }
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "\n" { return false }
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069:
      return true
    default: return false
    }
  }

  @Test("in files that are wrong")
  func files() throws {
    let place = try Place()
    for command in [
      "inspect config.json", "inspect growth.json", "inspect receipt.json", "inspect family.yaml",
      "inspect lines.jsonl", "inspect tokenizer.json", "inspect recipe-0.yaml", "inspect Q",
      "train recipe-0.yaml -o run", "train recipe-1.yaml -o run", "train recipe-2.yaml -o run",
      "run recipe-1.yaml -o run", "train recipe.yaml-broken -o run",
      "train recipe.yaml -o run --set Q=1", "train recipe.yaml -o run --set model.Q=1",
      "train recipe.yaml -o run --set tokenizer.kind=Q", "run recipe.yaml -o run --plan plan.json",
      "plan stages --curves curve.csv", "plan --target Q", "plan --target config.json",
      "grow Q -o to --width 2", "grow family.yaml -o to --merge merge.yaml",
      "prepare lines.jsonl -o tokens", "prepare lines.jsonl -o tokens --tokenizer tokenizer.json",
      "prepare Q-missing -o tokens", "families Q", "Q", "train Q Q Q", "plan Q", "report Q",
      "compare Q --against Q", "evaluate Q --text Q", "generate Q --pieces pieces.json",
      "generate Q --tokenizer tokenizer.json --prompt Q", "verify Q Q", "export Q -o Q",
    ] {
      try place.check(command)
    }
  }

  @Test("in the names of runs and files that are right")
  func names() throws {
    let place = try Place()
    for command in [
      "train Q -o Q-run --set stop.after=3steps", "train -o Q-run --resume --set stop.after=4steps",
      "inspect Q-run", "inspect Q-run --json", "inspect Q", "inspect Q --json", "report Q-run",
      "report Q-run --terminal", "report Q-run Q-run --terminal",
      "compare Q-run --against Q-run", "compare Q-run --against Q-run --force",
      "evaluate Q-run --text corpus.txt", "evaluate Q-run --text corpus.txt --json",
      "generate Q-run --prompt Q --length 3 --json", "grow Q-run -o Q-grown --width 2 --dry-run",
      "grow Q-run -o Q-grown --width 2", "inspect Q-grown", "verify Q-run Q-grown",
      "export Q-grown -o Q-export", "prepare corpus.txt -o Q-tokens --vocabulary 264",
      "inspect Q-tokens", "grow Q-run -o other --family family.yaml --width 2",
      "grow Q-run -o other --recipe merge.yaml", "generate Q-run --pieces pieces.json --prompt x",
      "generate Q-run --tokenizer tokenizer.json --prompt x",
    ] {
      try place.check(command)
    }
    try place.append(#"{"kind": "Q", "step": "Q"}"#, to: "Q-run/log.jsonl")
    try place.append(#"{"formatVersion": 1, "Q": 1"#, to: "Q-grown/growth.json")
    for command in [
      "inspect Q-run", "report Q-run", "report Q-run --terminal", "inspect Q-grown",
      "inspect Q-grown/growth.json", "train -o Q-run --resume",
    ] {
      try place.check(command)
    }
  }
}
