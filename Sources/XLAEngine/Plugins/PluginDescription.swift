// SPDX-License-Identifier: Apache-2.0

/// What a plugin says of itself once it is open.
public struct PluginDescription: Sendable, Hashable, Codable {
  /// The engine that it makes: `xla:cpu`, `xla:cuda`.
  public var engine: String
  /// The version of PJRT's interface that it was built with: `0.90`.
  public var interface: String
  /// The plugin's own words for its version.
  public var version: String
  /// The kinds of its devices, in order; the first one computes.
  public var devices: [String]

  /// Opens a plugin in this process, and asks it.
  ///
  /// - Throws: ``XLAEngineError`` where it is no plugin that the engine can use, or finds no device.
  public init(opening path: String) throws(XLAEngineError) {
    let plugin = try PJRTPlugin.open(path)
    let engine = try XLATrainingEngine(opened: plugin)
    self.engine = engine.name
    interface = "\(plugin.version.major).\(plugin.version.minor)"
    version = engine.platformVersion
    devices = engine.deviceKinds
  }

  /// The kind of device, as the plugin itself says; nil for one that no published plugin is for.
  public var kind: PluginKind? {
    engine.hasPrefix("xla:") ? PluginKind(rawValue: String(engine.dropFirst("xla:".count))) : nil
  }
}
