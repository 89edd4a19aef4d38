// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import XLAEngine

@Suite("Search for plugins") struct PluginSearchTests {
  private let home: URL

  init() throws {
    home = FileManager.default.temporaryDirectory.appending(path: "home-\(UUID().uuidString)")
  }

  private func put(_ path: String) throws {
    let url = home.appending(path: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data().write(to: url)
  }

  @Test("Nothing where nothing is installed")
  func nothing() {
    let search = PluginSearch(environment: [:], home: home.path)
    #expect(search.plugins().isEmpty)
    #expect(search.folder == home.path + "/.espalier/plugins")
  }

  @Test("The named library goes before the folder, and that before Python's packages")
  func order() throws {
    let packages = "venv/lib/python3.12/site-packages"
    for path in [
      "mine/cpu/b.so", "mine/cpu/a.so", "mine/cpu/notes.txt", "mine/other/c.so", "named_cuda.so",
      "\(packages)/jax_plugins/xla_cuda12/xla_cuda_plugin.so", "\(packages)/libtpu/libtpu.so",
    ] {
      try put(path)
    }
    let search = PluginSearch(
      environment: [
        "ESPALIER_PJRT_PLUGIN": home.path + "/named_cuda.so",
        "ESPALIER_PLUGINS": home.path + "/mine", "VIRTUAL_ENV": home.path + "/venv",
      ], home: "/nowhere")
    let found = search.plugins()
    #expect(found.map(\.kind) == [.cuda, .cpu, .cpu, .cuda, .tpu])
    #expect(
      found.map { URL(filePath: $0.path).lastPathComponent } == [
        "named_cuda.so", "a.so", "b.so", "xla_cuda_plugin.so", "libtpu.so",
      ])
    #expect(search.plugins(of: .cuda).count == 2 && search.plugins(of: .rocm).isEmpty)
    #expect(search.remarks.isEmpty)
  }

  @Test("What the environment names and is not there, or holds no plugins, is told")
  func remarks() throws {
    func remarks(_ environment: [String: String]) -> [String] {
      PluginSearch(environment: environment, home: home.path).remarks
    }
    try put("flat/plugin.so")
    let (nowhere, flat) = (home.path + "/nowhere", home.path + "/flat")
    #expect(remarks([:]).isEmpty && remarks(["ESPALIER_PLUGINS": ""]).isEmpty)
    #expect(
      remarks(["ESPALIER_PLUGINS": nowhere])
        == ["ESPALIER_PLUGINS names \(nowhere), where there is no folder"])
    #expect(
      remarks(["ESPALIER_PLUGINS": flat]) == [
        "ESPALIER_PLUGINS names \(flat), which has no folder named after a kind of device: cpu, cuda, "
          + "rocm, tpu"
      ])
    #expect(
      remarks(["ESPALIER_PJRT_PLUGIN": nowhere])
        == ["ESPALIER_PJRT_PLUGIN names \(nowhere), where there is no file"])
    #expect(remarks(["ESPALIER_PJRT_PLUGIN": flat + "/plugin.so"]).isEmpty)
    // An empty name is none.
    let unnamed = PluginSearch(environment: ["ESPALIER_PLUGINS": ""], home: home.path)
    #expect(unnamed.folder == home.path + "/.espalier/plugins")
  }
}
