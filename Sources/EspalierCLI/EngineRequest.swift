// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation
import XLAEngine

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

  /// An engine, and the request that names it and no other: `xla:cuda` where an accelerator was asked for.
  struct Choice {
    var engine: any TrainingEngine
    var request: EngineRequest
  }

  /// Makes the engine.
  ///
  /// - Parameters:
  ///   - threads: of the embedded engine; nil for all cores.
  /// - Throws: `XLAEngineError` where there is no such plugin, or it cannot be used.
  func choice(
    threads: Int?, in search: PluginSearch = PluginSearch()
  ) throws -> Choice {
    switch self {
    case .cpu: return Choice(engine: CPUTrainingEngine(threads: threads), request: .cpu)
    case .library(let path):
      return Choice(
        engine: try XLATrainingEngine(plugin: path, after: .ofThisCommand), request: self)
    case .xla(nil):
      guard let found = search.plugins().first else { throw Self.missing(nil, search) }
      return try Self.choice(found.path, PluginTrial.ofThisCommand.describe(found.path))
    case .xla(let kind?): return try Self.choice(of: kind, in: search)
    case .auto:
      return try Self.accelerator(in: search)
        ?? Choice(engine: CPUTrainingEngine(threads: threads), request: .cpu)
    }
  }

  private static func choice(
    _ path: String, _ plugin: PluginDescription
  ) throws(XLAEngineError) -> Choice {
    Choice(
      engine: try XLATrainingEngine(plugin: path),
      request: plugin.kind.map { .xla($0) } ?? .library(path))
  }

  /// The first plugin that says itself that it is of a kind; those whose place or name says so are asked
  /// first, and the others only where none of them is.
  private static func choice(of kind: PluginKind, in search: PluginSearch) throws -> Choice {
    let (likely, others) = (search.plugins(of: kind), search.plugins().filter { $0.kind != kind })
    var stranger: XLAEngineError?
    for found in likely {
      let plugin = try PluginTrial.ofThisCommand.describe(found.path)
      if plugin.kind == kind { return try choice(found.path, plugin) }
      stranger =
        stranger
        ?? XLAEngineError(
          .missingPlugin,
          "says itself that it is \(plugin.engine), and not xla:\(kind.rawValue), where it was found "
            + "(by \(found.source)); name that engine, or put the plugin where it belongs",
          subject: found.path)
    }
    for found in others {
      guard let plugin = try? PluginTrial.ofThisCommand.describe(found.path), plugin.kind == kind
      else { continue }
      return try choice(found.path, plugin)
    }
    throw stranger ?? missing(kind, search)
  }

  /// The first plugin with a device that is not this machine's processor; nil where there is none.
  private static func accelerator(in search: PluginSearch) throws -> Choice? {
    for found in search.plugins() where found.kind != .cpu {
      do throws(XLAEngineError) {
        let plugin = try PluginTrial.ofThisCommand.describe(found.path)
        guard plugin.kind != .cpu else { continue }
        return try choice(found.path, plugin)
      } catch {
        // A plugin that finds no device of its kind is as good as none; a damaged one is worth a word.
        if error.code == .invalidPlugin { Note.print(["--engine auto passes over \(error)"]) }
      }
    }
    return nil
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

extension PluginTrial {
  /// The word upon which this command tries a plugin for another process of itself.
  static let word = "--try-plugin"

  /// Opens plugins in another process of this command.
  static let ofThisCommand = PluginTrial(
    executable: {
      #if os(Linux)
        // Also where the file was replaced by a newer one meanwhile.
        "/proc/self/exe"
      #else
        Bundle.main.executablePath ?? CommandLine.arguments[0]
      #endif
    }(), arguments: [word])
}
