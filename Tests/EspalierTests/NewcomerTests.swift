// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("What newcomers meet")
struct NewcomerTests {
  @Test("a family's description is the same in every process, with dictionaries in order")
  func order() throws {
    let place = try CommandWorkplace()
    for name in ["mixtral", "gemma"] {
      let texts = try (0..<4).map { _ in
        try BuiltCommand.run(["families", name], in: place.url).output
      }
      #expect(Set(texts).count == 1, "\(name)")
      let lines = texts[0].split(separator: "\n").drop { $0 != "  defaults:" }.dropFirst()
        .prefix { $0.hasPrefix("    ") }
      let keys = lines.map { $0.prefix { $0 != ":" } }
      #expect(keys.count > 10 && keys == keys.sorted(), "\(name)")
    }
  }

  @Test("a folder of plugins that is not there is told wherever plugins are looked for")
  func plugins() throws {
    let place = try CommandWorkplace()
    let remark = "ESPALIER_PLUGINS names /nowhere/at/all, where there is no folder"
    let variables =
      "unset ESPALIER_PJRT_PLUGIN VIRTUAL_ENV CONDA_PREFIX; export ESPALIER_PLUGINS=/nowhere/at/all"
    let list = try BuiltCommand.shell("\(variables); espalier engines", in: place.url)
    #expect(list.status == 0 && list.output.contains("\n\(remark)\n"), "\(list.output)")
    let json = try BuiltCommand.shell("\(variables); espalier engines --json", in: place.url)
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect(object?["remarks"] as? [String] == [remark])
    let run = try BuiltCommand.shell(
      "\(variables); espalier train recipe.yaml -o new --engine xla:cuda", in: place.url)
    #expect(run.status == 1)
    #expect(
      run.errors
        == "Error: --engine xla:cuda: there is no PJRT plugin for cuda; install the Python package "
        + "jax-cuda13-pjrt and activate its environment, put the library into /nowhere/at/all/cuda, or name "
        + "it: --engine xla --plugin LIBRARY. \(remark)\n", "\(run.errors)")
    // Where the embedded engine computes all the same.
    let auto = try BuiltCommand.shell(
      "\(variables); espalier train recipe.yaml -o new --quiet --set 'stop={after: 1 steps}' --engine auto",
      in: place.url)
    #expect(auto.status == 0 && auto.errors.contains("Note: \(remark)"), "\(auto.errors)")
  }

  @Test("of an option that is given twice the last value counts, which is noted")
  func twice() throws {
    let place = try CommandWorkplace()
    let command = ["generate", "run", "--tokens", "1", "--length", "2", "--greedy"]
    let trained = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop={after: 1 steps}"],
      in: place.url)
    #expect(trained.status == 0 && trained.errors.isEmpty, "\(trained.errors)")
    let once = try BuiltCommand.run(command, in: place.url)
    #expect(once.status == 0 && !once.errors.contains("more than once"))
    let twice = try BuiltCommand.run(command + ["--length=2", "--length", "2"], in: place.url)
    #expect(
      twice.errors == "Note: --length is given more than once; the last one counts\n" + once.errors)
    #expect(twice.output == once.output)
    // Options that may be repeated are no such.
    let stops = try BuiltCommand.run(command + ["--stop", "a", "--stop", "b"], in: place.url)
    #expect(!stops.errors.contains("more than once"))
  }

  @Test("shells complete the words of options: engines, forms of growths")
  func completion() throws {
    let place = try CommandWorkplace()
    let script = try BuiltCommand.run(["--generate-completion-script", "bash"], in: place.url)
      .output
    let engines = ["cpu", "xla", "xla:cpu", "xla:cuda", "xla:rocm", "xla:tpu", "auto"]
    for words in [engines, ["noise", "split", "none"], ["fp32", "bf16"]] {
      #expect(script.contains(words.map { "'\($0)'" }.joined(separator: "$'\\n'")), "\(words)")
    }
  }

  @Test("a text with a byte order mark is what it is without", arguments: ["recipe", "prompt"])
  func marks(kind: String) throws {
    let place = try CommandWorkplace()
    let mark = Data([0xEF, 0xBB, 0xBF])
    let recipe = place.url.appending(path: "recipe.yaml")
    if kind == "recipe" { try (mark + Data(contentsOf: recipe)).write(to: recipe) }
    let train = ["train", "recipe.yaml", "-o", "run", "--quiet", "--set", "stop={after: 2 steps}"]
    let trained = try BuiltCommand.run(train, in: place.url)
    #expect(trained.status == 0, "\(trained.errors)")
    if kind == "recipe" {
      let resumed = try BuiltCommand.run(
        ["train", "-o", "run", "--resume", "--quiet", "--set", "stop={after: 3 steps}"],
        in: place.url)
      #expect(resumed.status == 0, "\(resumed.errors)")
      return
    }
    let texts = try [Data("the tree".utf8), mark + Data("the tree".utf8)].map { text in
      try text.write(to: place.url.appending(path: "prompt.txt"))
      return try BuiltCommand.run(
        ["generate", "run", "--prompt-file", "prompt.txt", "--greedy", "--length", "4"],
        in: place.url
      ).output
    }
    #expect(texts[0] == texts[1] && texts[0].hasPrefix("the tree"))
  }
}
