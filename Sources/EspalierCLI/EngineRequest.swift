// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// What shall compute, as `--engine` says it.
enum EngineRequest: Hashable, ExpressibleByArgument {
  /// The embedded engine.
  case cpu
  /// The first plugin that is found, or the first of a kind.
  case xla(PluginKind?)
  /// The plugin of this path.
  case library(String)
  /// An accelerator where there is one, else the embedded engine.
  case auto

  init?(argument: String) {
    switch argument {
    case "cpu": self = .cpu
    case "auto": self = .auto
    case "xla": self = .xla(nil)
    default:
      guard argument.hasPrefix("xla:") else { return nil }
      let rest = String(argument.dropFirst(4))
      if rest.contains("/") {
        self = .library(rest)
      } else {
        guard let kind = PluginKind(rawValue: rest) else { return nil }
        self = .xla(kind)
      }
    }
  }

  /// All that may be said.
  static let allValueStrings =
    ["cpu", "xla"] + PluginKind.allCases.map { "xla:\($0.rawValue)" } + ["auto"]

  /// What shells offer.
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

  /// The word on the command line.
  var word: String {
    switch self {
    case .cpu: "cpu"
    case .auto: "auto"
    case .library(let path): "xla:\(path)"
    case .xla(let kind): kind.map { "xla:\($0.rawValue)" } ?? "xla"
    }
  }

  /// Makes the engine.
  ///
  /// - Parameters:
  ///   - threads: of the embedded engine; nil for all cores.
  /// - Throws: `XLAEngineError` where there is no such plugin, or it cannot be used.
  func engine(
    threads: Int?, in search: PluginSearch = PluginSearch()
  ) throws -> any TrainingEngine {
    switch self {
    case .cpu: return CPUTrainingEngine(threads: threads)
    case .library(let path): return try XLATrainingEngine(plugin: path)
    case .xla(let kind):
      guard let found = (kind.map(search.plugins(of:)) ?? search.plugins()).first else {
        throw Self.missing(kind, search)
      }
      return try XLATrainingEngine(plugin: found.path)
    case .auto:
      // A plugin that finds no device of its kind is as good as none.
      for found in search.plugins() where found.kind != .cpu {
        if let engine = try? XLATrainingEngine(plugin: found.path) { return engine }
      }
      return CPUTrainingEngine(threads: threads)
    }
  }

  private static func missing(_ kind: PluginKind?, _ search: PluginSearch) -> XLAEngineError {
    let packages = (kind.map { [$0] } ?? PluginKind.allCases).compactMap(\.packages.first)
    return XLAEngineError(
      .missingPlugin,
      "there is no PJRT plugin\(kind.map { " for \($0.rawValue)" } ?? ""); install the Python package "
        + "\(packages.joined(separator: " or ")) and activate its environment, put the library into "
        + "\(search.folder)/\((kind ?? .cpu).rawValue), or name it: --engine xla --plugin LIBRARY"
        + search.remarks.map { ". \($0)" }.joined(),
      subject: "--engine \(EngineRequest.xla(kind).word)")
  }
}
