// SPDX-License-Identifier: Apache-2.0

/// What computed a session of a run, as the event of its beginning says.
public struct LoggedEngine: Sendable, Hashable, Codable {
  /// The engine's name: `cpu`, `xla:cuda`.
  public var name: String
  /// The kind of the device, in the engine's words; nil where it is this machine's processor.
  public var device: String?
  /// The version of what computes, in its own words; nil where that is this program's.
  public var version: String?
  /// Threads of the process that a step uses; nil for an engine that has none of its own.
  public var threads: Int?

  /// Names an engine.
  public init(name: String, device: String? = nil, version: String? = nil, threads: Int? = nil) {
    self.name = name
    self.device = device
    self.version = version
    self.threads = threads
  }
}

extension LoggedEngine: CustomStringConvertible {
  /// The engine for people, in one line: `xla:cuda on NVIDIA H200 (PJRT 0.90)`, `cpu with 8 threads`.
  public var description: String {
    var text = name
    if let device { text += " on \(device)" }
    if let threads { text += " with \(threads) thread\(threads == 1 ? "" : "s")" }
    if let version { text += " (\(version))" }
    return text
  }
}

extension LoggedEngine {
  private enum Key {
    static let (name, device, version, threads) = ("engine", "device", "engineVersion", "threads")
  }

  /// What an event's details say of an engine; nil for nothing, as in logs of older versions.
  init?(_ details: [String: LogValue]) {
    func text(_ key: String) -> String? {
      guard case .text(let text)? = details[key] else { return nil }
      return text
    }
    guard let name = text(Key.name) else { return nil }
    self.init(name: name, device: text(Key.device), version: text(Key.version))
    if case .integer(let count)? = details[Key.threads] { threads = count }
  }

  /// The engine as details of the event that begins a session.
  public var details: [String: LogValue] {
    var details: [String: LogValue] = [Key.name: .text(name)]
    if let device { details[Key.device] = .text(device) }
    if let version { details[Key.version] = .text(version) }
    if let threads { details[Key.threads] = .integer(threads) }
    return details
  }
}

extension EventRecord {
  /// What computes from this event on; nil where it does not say.
  public var engine: LoggedEngine? { LoggedEngine(details) }

  /// The steps without records that a repair told of; nil for any other event.
  public var lostSteps: ClosedRange<Int>? {
    guard event == .logGap, case .integer(let first)? = details["from"],
      case .integer(let last)? = details["through"], first <= last
    else { return nil }
    return first...last
  }
}
