// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation

/// Compiled programs on the disk, so that a run that goes on compiles nothing again.
///
/// A file holds one program, checked by its hash; it is written under another name first, so that several
/// processes can share the folder. Those that were not used for longest make room. Whatever is wrong with the
/// folder or a file in it, programs are compiled as if it were not there.
public struct ExecutableFolder: Sendable, Hashable {
  /// Where it is.
  public var path: String
  /// The most bytes of all files; beyond it the oldest go.
  public var byteLimit: Int

  /// The most bytes where nothing else is said: 4 GiB.
  public static let usualByteLimit = 4 << 30
  /// The environment variable that names the folder; `off` for none.
  public static let variable = "ESPALIER_EXECUTABLES"

  /// A folder, which is made when something is stored.
  public init(path: String, byteLimit: Int = usualByteLimit) {
    (self.path, self.byteLimit) = (path, byteLimit)
  }

  /// The folder of this process's user: the one that `ESPALIER_EXECUTABLES` names, by default
  /// `espalier/executables` among the user's caches; nil where the variable is `off`.
  public static var usual: ExecutableFolder? {
    usual(
      environment: ProcessInfo.processInfo.environment,
      home: FileManager.default.homeDirectoryForCurrentUser.path)
  }

  package static func usual(environment: [String: String], home: String) -> ExecutableFolder? {
    switch environment[variable] {
    case "off": return nil
    case .some(let path) where !path.isEmpty: return ExecutableFolder(path: path)
    default: break
    }
    #if os(macOS)
      let caches = home + "/Library/Caches"
    #else
      let named = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      let caches = named ?? home + "/.cache"
    #endif
    return ExecutableFolder(path: caches + "/espalier/executables")
  }
}

// MARK: Files

extension ExecutableFolder {
  private static let suffix = ".xla"
  /// What a file begins with; the number is the format's.
  private static let magic = Data("espalier executable 1\n".utf8)

  private func url(_ key: String) -> URL {
    URL(filePath: path, directoryHint: .isDirectory).appending(path: key + Self.suffix)
  }

  /// What was stored under a key; nil where nothing was, or it is damaged.
  package func bytes(of key: String) -> Data? {
    let url = url(key)
    guard isPrivate, let data = try? Data(contentsOf: url) else { return nil }
    let (start, hashSize) = (Self.magic.count, SHA256.byteCount)
    guard data.count > start + hashSize, data.prefix(start) == Self.magic else {
      remove(key)
      return nil
    }
    let bytes = data.dropFirst(start + hashSize)
    guard data.dropFirst(start).prefix(hashSize) == Data(SHA256.hash(data: bytes)) else {
      remove(key)
      return nil
    }
    // What was used last goes last.
    try? FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: url.path)
    return Data(bytes)
  }

  /// Keeps bytes under a key, where there is room.
  package func store(_ bytes: Data, _ key: String) {
    guard bytes.count < byteLimit, (try? makeFolder()) != nil, isPrivate else { return }
    var data = Self.magic
    data.append(contentsOf: SHA256.hash(data: bytes))
    data.append(bytes)
    // Foundation writes a file of another name, and renames it.
    guard (try? data.write(to: url(key), options: .atomic)) != nil else { return }
    makeRoom()
  }

  /// Forgets what is stored under a key.
  package func remove(_ key: String) { try? FileManager.default.removeItem(at: url(key)) }

  private func makeFolder() throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  /// Whether nobody else can put a program there, which this process would run.
  private var isPrivate: Bool {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      attributes[.type] as? FileAttributeType == .typeDirectory,
      let permissions = (attributes[.posixPermissions] as? NSNumber)?.intValue,
      let owner = (attributes[.ownerAccountID] as? NSNumber)?.uint32Value
    else { return false }
    return permissions & 0o022 == 0 && owner == getuid()
  }

  /// Removes the files that were not used for longest until the limit holds.
  private func makeRoom() {
    let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey]
    let files = try? FileManager.default.contentsOfDirectory(
      at: URL(filePath: path, directoryHint: .isDirectory), includingPropertiesForKeys: Array(keys))
    var known: [(url: URL, size: Int, used: Date)] = []
    for url in files ?? [] where url.pathExtension == Self.suffix.dropFirst() {
      guard let values = try? url.resourceValues(forKeys: keys), let size = values.fileSize,
        let used = values.contentModificationDate
      else { continue }
      known.append((url, size, used))
    }
    var total = known.reduce(0) { $0 &+ $1.size }
    for file in known.sorted(by: { $0.used < $1.used }) where total > byteLimit {
      try? FileManager.default.removeItem(at: file.url)
      total -= file.size
    }
  }
}

// MARK: Keys

extension DeviceClient {
  /// What a compiled program hangs on, as the name of a file: its text and options, the plugin, the device,
  /// and what of this process's surroundings XLA looks at.
  func key(of text: String, _ options: CompileOptions) -> String {
    var hash = SHA256()
    func add(_ part: some DataProtocol) {
      withUnsafeBytes(of: UInt64(part.count).littleEndian) { hash.update(bufferPointer: $0) }
      hash.update(data: part)
    }
    for part in surroundings { add(Array(part.utf8)) }
    add(options.bytes)
    add(Array(text.utf8))
    return hash.finalize().map { String(UInt32($0) + 0x100, radix: 16).dropFirst() }.joined()
  }

  /// The plugin's file and version, the devices, this machine's processor and its cores, XLA's own settings.
  private var surroundings: [String] {
    let environment = ProcessInfo.processInfo.environment
    let file = try? FileManager.default.attributesOfItem(atPath: plugin.path)
    let size = (file?[.size] as? NSNumber)?.stringValue ?? ""
    let date = (file?[.modificationDate] as? Date)?.timeIntervalSinceReferenceDate ?? 0
    let settings = environment.filter { name, _ in name.hasPrefix("XLA_") || name == "NPROC" }
    return [
      "\(plugin.version.major).\(plugin.version.minor)", platform, platformVersion, size, "\(date)",
      deviceKinds.joined(separator: ","), Self.processor,
      "\(ProcessInfo.processInfo.activeProcessorCount)",
      settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n"),
    ]
  }

  /// The processor's model and abilities: a home folder may be several machines'.
  private static let processor: String = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let lines = text.split(separator: "\n").prefix { !$0.isEmpty }
    let wanted = ["model name", "flags", "Features", "CPU part", "microcode"]
    return lines.prefix(64).filter { line in wanted.contains { line.hasPrefix($0) } }
      .joined(separator: "\n")
  }()
}
