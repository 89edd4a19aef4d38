// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A plugin's library that was found; it has not been opened.
public struct FoundPlugin: Sendable, Hashable {
  /// The kind of device that it is for, as far as its place or name tells; nil where neither does.
  public var kind: PluginKind?
  /// Where the library is.
  public var path: String
  /// How it was found: `ESPALIER_PJRT_PLUGIN`, `the folder …`.
  public var source: String
}

/// The kinds of device that published plugins are for.
public enum PluginKind: String, Sendable, Hashable, CaseIterable, Codable {
  case cpu, cuda, rocm, tpu

  /// The Python packages that bring a plugin, the newest first.
  public var packages: [String] {
    switch self {
    case .cpu: ["lammps-jax-pjrt-cpu"]
    case .cuda: ["jax-cuda13-pjrt", "jax-cuda12-pjrt"]
    case .rocm: ["jax-rocm7-pjrt"]
    case .tpu: ["libtpu"]
    }
  }

  /// Where those packages have their library, below a folder of packages, in the same order.
  fileprivate var libraries: [String] {
    switch self {
    case .cpu: ["lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"]
    case .cuda:
      ["jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"]
    case .rocm: ["jax_plugins/xla_rocm7/xla_rocm_plugin.so"]
    case .tpu: ["libtpu/libtpu.so"]
    }
  }
}

/// Looks for plugins where they are installed; opens none.
///
/// The order is that of preference: the one that `ESPALIER_PJRT_PLUGIN` names; those in the folder that
/// `ESPALIER_PLUGINS` names, by default `~/.espalier/plugins`, each in a folder with its kind's name; those
/// of the active Python environment.
public struct PluginSearch: Sendable {
  private let environment: [String: String]
  private let home: String

  /// A search in this process's environment.
  public init() {
    self.init(
      environment: ProcessInfo.processInfo.environment,
      home: FileManager.default.homeDirectoryForCurrentUser.path)
  }

  /// A search in an environment of its own.
  package init(environment: [String: String], home: String) {
    (self.environment, self.home) = (environment, home)
  }

  /// The folder whose plugins are found by their kind's name.
  public var folder: String { namedFolder ?? home + "/.espalier/plugins" }

  /// The folder that the environment names; nil for none.
  private var namedFolder: String? {
    environment["ESPALIER_PLUGINS"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// All plugins that are there, in the order of preference.
  public func plugins() -> [FoundPlugin] {
    named + inFolder + environments.flatMap(installed)
  }

  /// The plugins of a kind, in the order of preference.
  public func plugins(of kind: PluginKind) -> [FoundPlugin] {
    plugins().filter { $0.kind == kind }
  }

  private var named: [FoundPlugin] {
    guard let path = environment["ESPALIER_PJRT_PLUGIN"], !path.isEmpty else { return [] }
    let name = URL(filePath: path).lastPathComponent
    let kind = PluginKind.allCases.first { name.contains($0.rawValue) }
    return [FoundPlugin(kind: kind, path: path, source: "ESPALIER_PJRT_PLUGIN")]
  }

  private var inFolder: [FoundPlugin] {
    PluginKind.allCases.flatMap { kind in
      let folder = "\(folder)/\(kind.rawValue)"
      return names(in: folder).filter { $0.hasSuffix(".so") || $0.hasSuffix(".dylib") }.map {
        FoundPlugin(kind: kind, path: "\(folder)/\($0)", source: "the folder \(self.folder)")
      }
    }
  }

  /// The active Python environments' folders of packages.
  private var environments: [String] {
    ["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap { environment[$0] }.flatMap { root in
      names(in: root + "/lib").filter { $0.hasPrefix("python3") }
        .map { "\(root)/lib/\($0)/site-packages" }
    }
  }

  private func installed(_ packages: String) -> [FoundPlugin] {
    PluginKind.allCases.flatMap { kind in
      kind.libraries.map { "\(packages)/\($0)" }
        .filter { FileManager.default.fileExists(atPath: $0) }
        .map { FoundPlugin(kind: kind, path: $0, source: "the Python packages in \(packages)") }
    }
  }

  /// The names in a folder, sorted; none where it cannot be read.
  private func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }
}

extension PluginSearch {
  /// What the environment names that is no plugin, in whole sentences without a full stop.
  public var remarks: [String] {
    [remarkOnFolder, remarkOnLibrary].compactMap { $0 }
  }

  private var remarkOnFolder: String? {
    guard let folder = namedFolder else { return nil }
    let kinds = PluginKind.allCases.map(\.rawValue)
    guard isFolder(folder) else {
      return "ESPALIER_PLUGINS names \(folder), where there is no folder"
    }
    guard kinds.allSatisfy({ !isFolder("\(folder)/\($0)") }) else { return nil }
    return "ESPALIER_PLUGINS names \(folder), which has no folder named after a kind of device: "
      + kinds.joined(separator: ", ")
  }

  private var remarkOnLibrary: String? {
    guard let path = environment["ESPALIER_PJRT_PLUGIN"], !path.isEmpty,
      !FileManager.default.fileExists(atPath: path)
    else { return nil }
    return "ESPALIER_PJRT_PLUGIN names \(path), where there is no file"
  }

  private func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
