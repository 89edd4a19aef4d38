// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The last programs that a device compiled, by their text: a second session of a model, after a growth
/// or in a verification, need not compile again what the first one has.
final class ExecutableCache: Sendable {
  private struct Entry {
    var text: String
    var executable: Executable
  }
  private let entries = Mutex<[Entry]>([])
  private static let limit = 16

  /// The program on a device, compiled where it is not among the last ones.
  func executable(
    for program: WrittenProgram, on client: DeviceClient
  ) throws(XLAEngineError) -> Executable {
    let known = entries.withLock { entries -> Executable? in
      guard let index = entries.firstIndex(where: { $0.text == program.text }) else { return nil }
      let entry = entries.remove(at: index)
      entries.append(entry)
      return entry.executable
    }
    if let known { return known }
    // Compiling takes seconds, in which others may compile, too.
    let made = try client.compile(
      program.text, arguments: program.arguments, outputs: program.outputs)
    entries.withLock { entries in
      entries.append(Entry(text: program.text, executable: made))
      if entries.count > Self.limit { entries.removeFirst() }
    }
    return made
  }
}
