// SPDX-License-Identifier: Apache-2.0
import CPJRT
import Foundation
import StableHLO

/// A plugin's devices, of which the first one computes.
///
/// PJRT's clients may be called from any thread.
package final class DeviceClient: @unchecked Sendable {
  let plugin: PJRTPlugin
  /// `cpu`, `cuda`, `tpu`, ….
  package let platform: String
  /// The plugin's own words for its version.
  let platformVersion: String
  /// What kinds of device there are, in order.
  package let deviceKinds: [String]
  let client: OpaquePointer
  private let device: OpaquePointer

  /// - Throws: ``XLAEngineError`` where the plugin finds no device.
  package init(_ plugin: PJRTPlugin) throws(XLAEngineError) {
    self.plugin = plugin
    var made: OpaquePointer?
    try plugin.check(pjrt_client_create(plugin.api, &made), "finds no device")
    guard let client = made else { throw Self.noDevice(plugin) }
    self.client = client
    do throws(XLAEngineError) {
      let devices = try Self.devices(plugin, client)
      guard let first = devices.first else { throw Self.noDevice(plugin) }
      device = first
      platform = try Self.string(plugin) { pjrt_client_platform(plugin.api, client, $0) }
      platformVersion = try Self.string(plugin) {
        pjrt_client_platform_version(plugin.api, client, $0)
      }
      var kinds: [String] = []
      for device in devices {
        kinds.append(try Self.string(plugin) { pjrt_device_kind(plugin.api, device, $0) })
      }
      deviceKinds = kinds
    } catch {
      pjrt_client_destroy(plugin.api, client)
      throw error
    }
  }

  deinit { pjrt_client_destroy(plugin.api, client) }

  private static func noDevice(_ plugin: PJRTPlugin) -> XLAEngineError {
    XLAEngineError(.pluginFailure, "has no device", subject: plugin.path)
  }

  private static func devices(
    _ plugin: PJRTPlugin, _ client: OpaquePointer
  ) throws(XLAEngineError) -> [OpaquePointer] {
    var list: UnsafePointer<OpaquePointer>?
    var count = 0
    try plugin.check(
      pjrt_client_devices(plugin.api, client, &list, &count), "cannot list its devices")
    return Array(UnsafeBufferPointer(start: list, count: list == nil ? 0 : count))
  }

  private static func string(
    _ plugin: PJRTPlugin, _ ask: (UnsafeMutablePointer<pjrt_string>) -> OpaquePointer?
  ) throws(XLAEngineError) -> String {
    var result = pjrt_string()
    try plugin.check(ask(&result), "cannot describe itself")
    return plugin.string(result)
  }
}

extension DeviceClient {
  /// Compiles a module of textual StableHLO.
  ///
  /// - Parameters:
  ///   - arguments: the types of its arguments.
  ///   - outputs: the types of what it returns.
  package func compile(
    _ text: String, _ options: CompileOptions = CompileOptions(), arguments: [TensorType],
    outputs: [TensorType]
  ) throws(XLAEngineError) -> Executable {
    var (text, loaded): (String, OpaquePointer?) = (text, nil)
    let options = options.bytes
    let error = text.withUTF8 { text in
      text.withMemoryRebound(to: CChar.self) { text in
        text.baseAddress.flatMap {
          pjrt_compile(plugin.api, client, $0, text.count, options, options.count, &loaded)
        }
      }
    }
    try plugin.check(error, "cannot compile a program")
    return try executable(loaded, arguments, outputs)
  }

  /// Compiles a program.
  func compile(
    _ program: WrittenProgram, _ options: CompileOptions
  ) throws(XLAEngineError) -> Executable {
    try compile(
      program.text, options, arguments: program.arguments, outputs: program.outputs)
  }

  /// Loads what ``Executable/serialized()`` has written of a program.
  func load(_ bytes: Data, _ program: WrittenProgram) throws(XLAEngineError) -> Executable {
    guard pjrt_serializes(plugin.api) else {
      throw XLAEngineError(.pluginFailure, "cannot load programs", subject: plugin.path)
    }
    var loaded: OpaquePointer?
    let error = bytes.withUnsafeBytes { bytes in
      bytes.withMemoryRebound(to: CChar.self) { bytes in
        bytes.baseAddress.flatMap {
          pjrt_deserialize(plugin.api, client, $0, bytes.count, &loaded)
        }
      }
    }
    try plugin.check(error, "cannot load a program")
    return try executable(loaded, program.arguments, program.outputs)
  }

  private func executable(
    _ loaded: OpaquePointer?, _ arguments: [TensorType], _ outputs: [TensorType]
  ) throws(XLAEngineError) -> Executable {
    guard let loaded else {
      throw XLAEngineError(.pluginFailure, "compiled nothing", subject: plugin.path)
    }
    let executable = Executable(self, loaded, arguments: arguments, outputs: outputs)
    try executable.checkOutputCount()
    return executable
  }

  /// Copies dense row-major elements to the device.
  func upload(
    _ bytes: UnsafeRawBufferPointer, _ type: TensorType
  ) throws(XLAEngineError) -> DeviceBuffer {
    precondition(
      bytes.count == type.elementCount * type.element.byteWidth, "\(bytes.count) bytes for \(type)")
    var empty: UInt8 = 0
    var buffer: OpaquePointer?
    let extents = type.extents.map { Int64($0) }
    let error = withUnsafePointer(to: &empty) { empty in
      pjrt_buffer_from_host(
        plugin.api, client, device, bytes.baseAddress ?? UnsafeRawPointer(empty),
        type.element.number, extents, extents.count, &buffer)
    }
    try plugin.check(error, "cannot take \(type)")
    guard let buffer else {
      throw XLAEngineError(.pluginFailure, "took no \(type)", subject: plugin.path)
    }
    return DeviceBuffer(self, buffer, type)
  }

  /// Copies elements of a type to the device.
  package func upload<Element: BitwiseCopyable>(
    _ elements: [Element], _ type: TensorType
  ) throws(XLAEngineError) -> DeviceBuffer {
    let result = elements.withUnsafeBytes { bytes in
      Result { () throws(XLAEngineError) in try upload(bytes, type) }
    }
    return try result.get()
  }
}

extension TensorType.Element {
  /// PJRT's number of the type.
  fileprivate var number: pjrt_element {
    switch self {
    case .boolean: PJRT_BOOL
    case .int32: PJRT_INT32
    case .uint32: PJRT_UINT32
    case .uint64: PJRT_UINT64
    case .bfloat16: PJRT_BFLOAT16
    case .float32: PJRT_FLOAT32
    case .float64: PJRT_FLOAT64
    }
  }
}
