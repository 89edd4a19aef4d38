// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A program that an engine has readied, and what that took.
public struct Compilation: Sendable, Hashable {
  /// What the program is for: `step`, `gradients`, `scores`, ….
  public var name: String
  /// Seconds of compiling it, or of reading it from the disk.
  public var seconds: Double
  /// Whether it was compiled, or read from the disk.
  public var source: Source
  /// Bytes that it takes on its device; nil where the plugin does not tell.
  public var memory: ProgramMemory?

  /// Where a program came from.
  public enum Source: String, Sendable, Hashable { case compiler, disk }
}

/// Bytes that a program takes on its device, as the plugin reports them.
public struct ProgramMemory: Sendable, Hashable {
  /// What it is given.
  public var arguments: Int
  /// What it gives back.
  public var outputs: Int
  /// Outputs that take over arguments' memory, and are counted in both.
  public var aliases: Int
  /// What it needs in between.
  public var temporaries: Int

  /// All of it at once.
  public var total: Int { arguments + outputs - aliases + temporaries }
}

/// The last programs that a device compiled, by their text: a second session of a model, after a growth
/// or in a verification, need not compile again what the first one has, and a second process reads from the
/// disk what the first one compiled.
final class ExecutableCache: Sendable {
  /// One program; who asks while another compiles it waits for that.
  private final class Entry: Sendable {
    let text: String
    let executable = Mutex<Executable?>(nil)

    init(_ text: String) { self.text = text }
  }
  private let entries = Mutex<[Entry]>([])
  private let records = Mutex<[Compilation]>([])
  private let folder: ExecutableFolder?
  private static let limit = 24

  /// - Parameter folder: where programs are kept beyond this process; nil for nowhere.
  init(folder: ExecutableFolder?) { self.folder = folder }

  /// What was readied so far, in order.
  var compilations: [Compilation] { records.withLock { $0 } }

  /// The program on a device, compiled where neither memory nor disk has it.
  func executable(
    for program: WrittenProgram, on client: DeviceClient
  ) throws(XLAEngineError) -> Executable {
    let entry = entries.withLock { entries in
      let index = entries.firstIndex { $0.text == program.text }
      let entry = index.map { entries.remove(at: $0) } ?? Entry(program.text)
      entries.append(entry)
      if entries.count > Self.limit { entries.removeFirst() }
      return entry
    }
    // Others may compile other programs in the seconds that this takes.
    let result = entry.executable.withLock { executable in
      Result { () throws(XLAEngineError) -> Executable in
        if let executable { return executable }
        let made = try ready(program, on: client)
        executable = made
        return made
      }
    }
    return try result.get()
  }

  private func ready(
    _ program: WrittenProgram, on client: DeviceClient
  ) throws(XLAEngineError) -> Executable {
    let (clock, options) = (ContinuousClock(), CompileOptions())
    let start = clock.now
    let key = folder.map { _ in client.key(of: program.text, options) }
    if let key, let bytes = folder?.bytes(of: key) {
      if let executable = try? client.load(bytes, program) {
        record(program, executable, from: .disk, time: clock.now - start)
        return executable
      }
      // What the plugin cannot read it has written otherwise than it does now.
      folder?.remove(key)
    }
    let executable = try client.compile(program, options)
    record(program, executable, from: .compiler, time: clock.now - start)
    if let key, let folder, let bytes = executable.serialized() { folder.store(bytes, key) }
    return executable
  }

  private func record(
    _ program: WrittenProgram, _ executable: Executable, from source: Compilation.Source,
    time: Duration
  ) {
    let made = Compilation(
      name: program.name, seconds: time / .seconds(1), source: source,
      memory: executable.memory())
    records.withLock { $0.append(made) }
  }
}
