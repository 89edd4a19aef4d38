// SPDX-License-Identifier: Apache-2.0
import EspalierCLI
import Foundation
import Testing

/// Every command line that the documentation shows can be typed as it stands.
@Suite("Documented examples")
struct DocumentedExampleTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The files that show command lines.
  static let files: [String] = {
    let folders = ["", "Sources/Espalier/Espalier.docc", "Documentation", "Benchmarks", "Examples"]
    return folders.flatMap { folder -> [String] in
      let url = root.appending(path: folder)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
      return names.filter { $0.hasSuffix(".md") || $0.hasSuffix(".yaml") }.sorted()
        .map { folder.isEmpty ? $0 : "\(folder)/\($0)" }
    }.filter { $0 != "CHANGELOG.md" }
  }()

  /// The command lines in a text, one joined to the next where it ends with a backslash.
  static func commandLines(_ text: String) -> [String] {
    var lines: [String] = []
    var isOpen = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = line.drop { $0 == " " || $0 == "#" || $0 == "$" }
      if line.hasPrefix("echo ") || line.hasPrefix("zcat ") || line.hasPrefix("cat "),
        let pipe = line.range(of: "| espalier ")
      {
        line = line[line.index(pipe.lowerBound, offsetBy: 2)...]
      }
      guard isOpen || line.hasPrefix("espalier ") else { continue }
      let isContinued = line.last == "\\"
      let part = String(isContinued ? line.dropLast() : line)
      if isOpen { lines[lines.count - 1] += " " + part } else { lines.append(part) }
      isOpen = isContinued
    }
    return lines
  }

  private func check(_ lines: [String]) {
    for line in lines where !line.contains("…") && !line.contains("<") {
      let words = Array(ShellWords.split(line).dropFirst())
      #expect(CommandRun.problem(with: words) == nil, "\(line)")
    }
  }

  @Test("the documentation's", arguments: files)
  func documentation(file: String) throws {
    let text = try String(contentsOf: Self.root.appending(path: file), encoding: .utf8)
    check(Self.commandLines(text))
  }

  @Test("the commands' own")
  func help() {
    let lines = CommandRun.discussions.flatMap(Self.commandLines)
    #expect(lines.count > 50)
    check(lines)
  }

  @Test("values that begin with a minus are values, with a space or an equals sign")
  func minus() {
    let curves = [
      "plan", "curves", "a.csv", "b.csv", "--parameters", "1e6", "4e6", "--tokens-per-step", "4096",
    ]
    for words in [
      curves + ["--threshold", "-0.0575", "--optimality", "-0.052"],
      curves + ["--threshold=-0.0575", "--optimality=-0.052"],
      ["generate", "m", "--prompt", "--- a", "--stop", "--", "--stop", "-x"],
      ["verify", "a", "b", "--text", "-- and on"],
      ["grow", "m", "-o", "n", "--width", "2", "--noise", "-3"],
      ["grow", "m", "-o", "n", "--depth", "2", "--operator", "copy", "--output-scale", "-0.5"],
      ["train", "r.yaml", "-o", "run", "--set", "-x=1"],
    ] {
      #expect(CommandRun.problem(with: words) == nil, "\(words)")
    }
    // Out of range is told as such, not as a missing value.
    for (words, part) in [
      (["generate", "m", "--temperature", "-1"], "temperature"),
      (["generate", "m", "--length", "-1"], "--length is -1"),
      (["verify", "a", "b", "--steps", "-1"], "--steps is -1"),
      (["evaluate", "m", "--text", "t", "--stride", "-4"], "--stride is -4"),
      (["compare", "a", "--against", "b", "--loss", "-1"], "--loss is -1"),
      (["prepare", "t", "-o", "x", "--vocabulary", "-1"], "--vocabulary is -1"),
      (["train", "r", "-o", "x", "--threads", "-2"], "--threads is -2"),
    ] {
      let problem = CommandRun.problem(with: words) ?? ""
      #expect(problem.contains(part) && !problem.contains("Missing value"), "\(words): \(problem)")
    }
  }

  @Test(
    "an unknown command gets the name that was meant",
    arguments: [
      ("trian", "`espalier train`"), ("verfiy", "`espalier verify`"),
      ("finetune", "`espalier train`"), ("sample", "`espalier generate`"),
      ("INSPECT", "`espalier inspect`"),
    ])
  func suggestion(word: String, expected: String) {
    #expect(CommandRun.problem(with: [word, "x"])?.contains("Did you mean \(expected)") == true)
    #expect(CommandRun.problem(with: ["help", word])?.contains(expected) == true)
  }
}
