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
  }
}
