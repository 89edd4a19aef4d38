// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import StableHLO
import Testing
import XLAEngine

/// What is no plugin is refused in words; nothing of it ends the process.
@Suite("Plugins") struct PluginTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "plugins-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func error(_ path: String) -> XLAEngineError? {
    do {
      _ = try PJRTPlugin.open(path)
      return nil
    } catch { return error }
  }

  private func file(_ name: String, _ data: Data) throws -> String {
    let url = folder.appending(path: name)
    try data.write(to: url)
    return url.path
  }

  @Test("A file that is not there, a folder, and text")
  func noLibraries() throws {
    #expect(error("/nowhere/plugin.so")?.code == .missingPlugin)
    #expect(error(folder.path)?.code == .missingPlugin)
    for data in [Data(), Data("hello".utf8), Data(repeating: 0x20, count: 4096)] {
      let found = error(try file("text.so", data))
      #expect(found?.code == .invalidPlugin)
      #expect(found?.message.contains("is not a shared library") == true)
    }
  }

  #if os(Linux)
    /// Small libraries that the system's compiler makes; nil where there is none.
    private func library(_ name: String, _ source: String) throws -> String? {
      let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"].first {
        FileManager.default.isExecutableFile(atPath: $0)
      }
      guard let compiler else { return nil }
      let output = folder.appending(path: name).path
      let process = Process()
      process.executableURL = URL(filePath: compiler)
      process.arguments = [
        "-shared", "-fPIC", "-o", output, try file("\(name).c", Data(source.utf8)),
      ]
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0 ? output : nil
    }

    /// A plugin's table with a version, and room for so many functions, none of which is there.
    private func table(_ major: Int, _ minor: Int, functions: Int) -> String {
      """
      #include <stddef.h>
      static struct {
        size_t size; void *extension; size_t version_size; void *version_extension;
        int major, minor; void *functions[\(max(1, functions))];
      } table = {40 + 8 * \(functions), 0, 24, 0, \(major), \(minor)};
      void *GetPjrtApi(void) { return &table; }
      """
    }

    @Test("A library that is no plugin, and one without a table")
    func otherLibraries() throws {
      guard let plain = try library("plain.so", "int answer(void) { return 42; }") else { return }
      #expect(error(plain)?.code == .invalidPlugin)
      #expect(error(plain)?.message.contains("no PJRT plugin") == true)
      let source = "void *GetPjrtApi(void) { return 0; }"
      let empty = try #require(try library("empty.so", source))
      #expect(error(empty)?.code == .invalidPlugin)
    }

    @Test("Versions that the engine does not speak, and functions that are missing")
    func versions() throws {
      for (name, major, minor) in [("new", 1, 0), ("old", 0, 59), ("negative", -1, 80)] {
        guard
          let path = try library("\(name).so", table(major, minor, functions: 100))
        else { return }
        let found = error(path)
        #expect(found?.code == .unsupportedVersion)
        #expect(found?.message.contains("version \(major).\(minor)") == true)
      }
      let empty = try #require(try library("functionless.so", table(0, 80, functions: 3)))
      #expect(error(empty)?.code == .unsupportedVersion)
      #expect(error(empty)?.message.contains("function number 0") == true)
    }

    @Test("A library that is cut off anywhere, and one for another processor")
    func damage() throws {
      guard let whole = try library("whole.so", table(0, 80, functions: 3)) else { return }
      let data = try Data(contentsOf: URL(filePath: whole))
      for length in stride(from: 0, to: data.count, by: 97) {
        let found = error(try file("cut-\(length).so", data.prefix(length)))
        #expect(found?.code == .invalidPlugin, "\(length) of \(data.count) bytes")
      }
      var foreign = data
      foreign[18] = 8
      let found = error(try file("foreign.so", foreign))
      #expect(found?.message.contains("another kind of processor") == true)
      // Offsets that cannot be added up.
      var huge = data
      for index in 40..<48 { huge[index] = 0xFF }
      #expect(error(try file("huge.so", huge))?.code == .invalidPlugin)
    }
  #endif

  @Test("A plugin opens once, and says what it is", .enabled(if: InstalledPlugin.path != nil))
  func installed() throws {
    let path = try #require(InstalledPlugin.path)
    let plugin = try PJRTPlugin.open(path)
    #expect(plugin.version.major == 0 && plugin.version.minor >= PJRTPlugin.oldestMinorVersion)
    #expect(try PJRTPlugin.open(path) === plugin)
    let engine = try XLATrainingEngine(plugin: path)
    #expect(engine.name.hasPrefix("xla:"))
    #expect(!engine.deviceKinds.isEmpty && !engine.platformVersion.isEmpty)
  }

  @Test("Options are the bytes that plugins take")
  func options() {
    #expect(CompileOptions().bytes == [0x1A, 0x04, 0x20, 0x01, 0x28, 0x01])
    var options = CompileOptions()
    options.replicaCount = 300
    #expect(options.bytes == [0x1A, 0x05, 0x20, 0xAC, 0x02, 0x28, 0x01])
  }
}
