// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation
import Wording
import XLAEngine

/// `espalier engines`: what computes here, and what could.
struct EnginesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engines",
    abstract: "List what can compute on this machine, and what to install for more.",
    discussion: """
      The embedded engine is always there. XLA comes as plugins, one for each kind of device, which are \
      looked for in this order: the library that ESPALIER_PJRT_PLUGIN names, the folder that \
      ESPALIER_PLUGINS names (else ~/.espalier/plugins) with a folder in it for each kind, and the packages \
      of the active Python environment. Each one is opened, in a process of its own, to see whether it works \
      and what it is for.

      Examples:
        espalier engines
        espalier train recipe.yaml -o runs/first --engine xla:cuda

      Exit codes: 0 done, 64 wrong usage.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let list = EngineList(PluginSearch())
    if json { return try CommandOutput.print(json: list) }
    try CommandOutput.print(list.lines)
  }
}

/// What computes here.
struct EngineList: Encodable {
  /// A plugin and what became of opening it.
  struct Plugin: Encodable {
    var path: String
    var source: String
    var engine: String?
    var interface: String?
    var version: String?
    var devices: [String]?
    var error: String?
  }

  var plugins: [Plugin]
  /// Python packages that bring a plugin for a kind of device that has none here.
  var installable: [String: [String]]
  /// What of the environment names no plugins.
  var remarks: [String]

  init(_ search: PluginSearch) {
    let found = search.plugins()
    remarks = search.remarks.map { ShownText.escaped($0, as: .line) }
    let descriptions = PluginTrial.ofThisCommand.describe(all: found.map(\.path))
    plugins = zip(found, descriptions).map(Plugin.init)
    // Where a plugin does not open, its place must do.
    let kinds = Set(
      zip(found, descriptions).compactMap { found, plugin in
        (try? plugin.get()).map(\.kind) ?? found.kind
      })
    installable = Dictionary(
      uniqueKeysWithValues: PluginKind.allCases.filter { !kinds.contains($0) }
        .map { ($0.rawValue, $0.packages) })
  }

  /// `4 devices of kind cpu`.
  private static func counted(_ devices: [String]) -> String {
    let kinds = devices.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return kinds.map { kind in
      "\(Wording.counted(devices.count { $0 == kind }, "device")) of kind \(kind)"
    }.joined(separator: ", ")
  }

  var lines: [String] {
    var lines = ["cpu       the embedded engine, always there"]
    for plugin in plugins {
      let name = (plugin.engine ?? "unusable").padding(toLength: 10, withPad: " ", startingAt: 0)
      lines.append(name + plugin.path)
      let parts = [
        plugin.devices.map(Self.counted),
        plugin.interface.map { "PJRT \($0)" }, "found by \(plugin.source)", plugin.error,
      ]
      lines += parts.compactMap { $0 }.map { "          \($0)" }
    }
    for kind in PluginKind.allCases {
      guard let packages = installable[kind.rawValue] else { continue }
      let name = "xla:\(kind.rawValue)".padding(toLength: 10, withPad: " ", startingAt: 0)
      lines.append("\(name)not here; the Python package \(packages.joined(separator: " or "))")
    }
    return lines + remarks
  }
}

extension EngineList.Plugin {
  fileprivate init(
    _ found: FoundPlugin, _ description: Result<PluginDescription, XLAEngineError>
  ) {
    path = ShownText.escaped(found.path, as: .line)
    source = found.source
    switch description {
    case .success(let plugin):
      engine = plugin.engine
      (interface, version, devices) = (plugin.interface, plugin.version, plugin.devices)
    case .failure(let error): self.error = "\(error)"
    }
  }
}
