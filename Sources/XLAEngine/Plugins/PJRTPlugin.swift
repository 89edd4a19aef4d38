// SPDX-License-Identifier: Apache-2.0
import CPJRT
import Foundation
import Synchronization

/// A PJRT plugin: XLA for one kind of device, in a shared library that is opened at run time.
///
/// A plugin stays open as long as the process lives; opening it again gives the same one.
public final class PJRTPlugin: @unchecked Sendable {
  /// Where the library is.
  public let path: String
  /// The major and minor version of PJRT's interface that it was built with.
  public let version: (major: Int, minor: Int)
  /// Its functions, which any thread may call.
  let api: OpaquePointer

  /// The oldest minor version of the interface that the engine speaks.
  public static let oldestMinorVersion = 60

  private static let opened = Mutex<[String: PJRTPlugin]>([:])

  /// Opens a plugin and readies it.
  ///
  /// - Throws: ``XLAEngineError`` where the file is no whole library for this machine, no plugin, or one
  ///   whose interface is too old or of another major version.
  public static func open(_ path: String) throws(XLAEngineError) -> PJRTPlugin {
    let path = URL(filePath: path).resolvingSymlinksInPath().path
    let result = opened.withLock { opened -> Result<PJRTPlugin, XLAEngineError> in
      if let known = opened[path] { return .success(known) }
      do throws(XLAEngineError) {
        let plugin = try PJRTPlugin(path)
        opened[path] = plugin
        return .success(plugin)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Whether a plugin is open in this process.
  static func isOpen(_ path: String) -> Bool {
    let path = URL(filePath: path).resolvingSymlinksInPath().path
    return opened.withLock { $0[path] != nil }
  }

  private init(_ path: String) throws(XLAEngineError) {
    try LibraryFile.check(path)
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      let reason = dlerror().map { String(cString: $0) } ?? "the system does not say why"
      throw XLAEngineError(.invalidPlugin, "cannot be opened: \(reason)", subject: path)
    }
    guard let symbol = dlsym(library, "GetPjrtApi"), let api = pjrt_get_api(symbol) else {
      dlclose(library)
      throw XLAEngineError(
        .invalidPlugin, "is a library, but no PJRT plugin: it has no table of PJRT's functions",
        subject: path)
    }
    var (major, minor): (Int32, Int32) = (0, 0)
    pjrt_version(api, &major, &minor)
    self.path = path
    self.api = api
    version = (Int(major), Int(minor))
    try checkVersion()
    try check(pjrt_initialize(api), "cannot be readied")
  }

  private func checkVersion() throws(XLAEngineError) {
    guard version.major == 0, version.minor >= Self.oldestMinorVersion else {
      throw XLAEngineError(
        .unsupportedVersion,
        "speaks version \(version.major).\(version.minor) of PJRT's interface; expected 0."
          + "\(Self.oldestMinorVersion) or a later 0.x: install a newer plugin", subject: path)
    }
    let missing = pjrt_missing_function(api)
    guard missing < 0 else {
      throw XLAEngineError(
        .unsupportedVersion,
        "has no function number \(missing) of PJRT's interface, which the engine calls",
        subject: path)
    }
  }
}

extension PJRTPlugin {
  /// Turns an error of the plugin into a thrown one.
  ///
  /// - Parameter what: what could not be done, as the beginning of a sentence.
  func check(_ error: OpaquePointer?, _ what: String) throws(XLAEngineError) {
    guard let error else { return }
    defer { pjrt_error_destroy(api, error) }
    let words = string(pjrt_error_message(api, error))
    let code = pjrt_error_code(api, error)
    throw XLAEngineError(
      code == Self.resourceExhausted ? .outOfMemory : .pluginFailure,
      "\(what): \(words) (code \(code))", subject: path)
  }

  /// absl's code for memory that is not there.
  private static let resourceExhausted: Int32 = 8

  /// A copy of a plugin's string.
  func string(_ string: pjrt_string) -> String {
    guard let bytes = string.bytes else { return "" }
    return String(
      decoding: UnsafeRawBufferPointer(start: bytes, count: string.count), as: UTF8.self)
  }
}
