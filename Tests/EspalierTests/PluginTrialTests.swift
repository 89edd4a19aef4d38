// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import Testing

/// Plugins are opened in a process of their own first: one that is damaged ends that one.
@Suite("Plugins that are tried", .serialized)
struct PluginTrialTests {
  private let place: CommandWorkplace

  init() throws { place = try CommandWorkplace() }

  /// What the engine is asked for, with a plugin that a variable names.
  private func run(_ command: String, plugin: String) throws -> BuiltCommand.Result {
    try BuiltCommand.shell(
      "export ESPALIER_PJRT_PLUGIN='\(plugin)' ESPALIER_PLUGINS=nowhere; unset VIRTUAL_ENV CONDA_PREFIX; "
        + command, in: place.url)
  }

  private static let train = "espalier train recipe.yaml -o run --quiet --engine xla"

  #if os(Linux)
    /// A library of the system's compiler; nil where there is none.
    private func library(_ name: String, _ source: String) throws -> URL? {
      let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"].first {
        FileManager.default.isExecutableFile(atPath: $0)
      }
      guard let compiler else { return nil }
      let (text, output) = (
        place.url.appending(path: "\(name).c"), place.url.appending(path: "\(name).so")
      )
      try Data(source.utf8).write(to: text)
      let process = Process()
      process.executableURL = URL(filePath: compiler)
      process.arguments = ["-shared", "-fPIC", "-w", "-o", output.path, text.path]
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0 ? output : nil
    }

    @Test(
      "one that crashes as it is opened, or asked, is an error with its path and signal",
      arguments: [
        (
          "constructor",
          "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }", 11
        ),
        ("table", "void *GetPjrtApi(void) { *(volatile int *)0 = 1; return 0; }", 11),
        (
          "words",
          """
          #include <stdio.h>
          #include <stdlib.h>
          void *GetPjrtApi(void) { fputs("no driver here\\n", stderr); abort(); }
          """, 6
        ),
      ])
    func crashes(name: String, source: String, signal: Int) throws {
      guard let plugin = try library(name, source)?.path else { return }
      let training = try run(Self.train, plugin: plugin)
      #expect(training.status == 1 && !training.endedBySignal, "\(training)")
      #expect(training.errors.hasPrefix("Error: \(plugin): "), "\(training.errors)")
      #expect(training.errors.contains("by signal \(signal) ("), "\(training.errors)")
      #expect(name != "words" || training.errors.contains("no driver here"), "\(training.errors)")
      #expect(!place.run("run").holdsRun)
      let list = try run("espalier engines", plugin: plugin)
      #expect(list.status == 0 && list.output.contains("by signal \(signal) ("), "\(list)")
      let json = try run("espalier engines --json", plugin: plugin)
      #expect(json.status == 0 && json.output.contains("by signal \(signal) ("), "\(json)")
      // An accelerator that cannot be used is said and passed over.
      let auto = try run(
        "espalier train recipe.yaml -o run --quiet --engine auto --set stop.after='1 steps'",
        plugin: plugin)
      #expect(auto.status == 0 && auto.errors.contains("--engine auto passes over"), "\(auto)")
      let manifest = try String(contentsOf: place.run("run").manifest, encoding: .utf8)
      #expect(manifest.contains("\"engine\" : \"cpu\""))
    }

    @Test("one of the right length with zeros in it is an error, wherever they are")
    func zeros() throws {
      let source = "#include <stdio.h>\nvoid *GetPjrtApi(void) { puts(\"\"); return 0; }"
      guard let whole = try library("whole", source) else { return }
      let bytes = try Data(contentsOf: whole)
      let damaged = place.url.appending(path: "damaged.so")
      for part in 0..<12 {
        var changed = bytes
        // The header stays: without it the file is known for no library at once.
        let range =
          (64 + part * (bytes.count - 64) / 12)..<(64 + (part + 1) * (bytes.count - 64) / 12)
        changed.replaceSubrange(range, with: Data(count: range.count))
        try changed.write(to: damaged)
        let result = try run(Self.train, plugin: damaged.path)
        #expect(result.status == 1 && !result.endedBySignal, "\(range): \(result)")
        #expect(result.errors.hasPrefix("Error: \(damaged.path): "), "\(range): \(result.errors)")
        let list = try run("espalier engines", plugin: damaged.path)
        #expect(list.status == 0, "\(range): \(list)")
      }
    }
  #endif
}

/// What a plugin is for, it says itself.
@Suite(
  "Plugins in other kinds' places", .serialized,
  .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
struct PluginKindTests {
  private let place: CommandWorkplace
  private let folder: URL

  init() throws {
    place = try CommandWorkplace()
    folder = place.url.appending(path: "plugins")
    let plugin = URL(filePath: try #require(InstalledPlugin.path))
    let cuda = folder.appending(path: "cuda")
    try FileManager.default.createDirectory(at: cuda, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: cuda.appending(path: "plugin.so"), withDestinationURL: plugin)
  }

  private func run(_ command: String) throws -> BuiltCommand.Result {
    try BuiltCommand.shell(
      "export ESPALIER_PLUGINS='\(folder.path)'; unset ESPALIER_PJRT_PLUGIN VIRTUAL_ENV CONDA_PREFIX; "
        + command, in: place.url)
  }

  private func train(_ options: String) throws -> BuiltCommand.Result {
    try run("espalier train -o run --quiet --set stop.after='\(options)")
  }

  private func engine() throws -> String? {
    let data = try Data(contentsOf: place.run("run").manifest)
    return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["engine"] as? String
  }

  @Test("a processor's plugin in the folder for CUDA is none for CUDA, and no accelerator")
  func strange() throws {
    let refused = try train("1 steps' recipe.yaml --engine xla:cuda")
    #expect(refused.status == 1 && refused.errors.contains("says itself that it is xla:cpu"))
    #expect(!place.run("run").holdsRun)
    #expect(try train("1 steps' recipe.yaml --engine auto").status == 0)
    #expect(try engine() == "cpu")
    // What an older version remembered is settled by the next session.
    #expect(try train("2 steps' --resume --engine auto").status == 0)
    #expect(try engine() == "cpu")
    let list = try run("espalier engines")
    #expect(list.output.contains("xla:cpu") && list.output.contains("xla:cuda  not here"))
  }

  @Test(
    "the first plugin is remembered as what it is, and found as that",
    arguments: ["xla", "xla:cpu"])
  func remembered(word: String) throws {
    let first = try train("1 steps' recipe.yaml --engine \(word)")
    #expect(first.status == 0, "\(first.errors)")
    #expect(try engine() == "xla:cpu")
    let next = try train("2 steps' --resume")
    #expect(next.status == 0, "\(next.errors)")
    let inspection = try run("espalier inspect run")
    #expect(inspection.output.contains(#/engine +xla:cpu on /#), "\(inspection.output)")
  }
}
