// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why something has a passing name.
enum PassingName: String {
  /// Not yet in its place, or on its way out: to be removed.
  case temporary = ".tmp-"
  /// About to be replaced: to be put back where nothing has taken its place.
  case replaced = ".old-"
}

/// A free passing name beside a file or directory.
func siblingURL(of target: URL, _ kind: PassingName) -> URL {
  let digits = String(UInt64.random(in: .min ... .max), radix: 16)
  let unique = String(repeating: "0", count: 16 - digits.count) + digits
  return target.deletingLastPathComponent()
    .appending(path: "\(kind.rawValue)\(unique)-\(target.lastPathComponent)")
}

/// The final name of a passing one; nil for any name that is not exactly of that form.
func finalName(of name: String, _ kind: PassingName) -> String? {
  guard name.hasPrefix(kind.rawValue) else { return nil }
  let rest = name.dropFirst(kind.rawValue.count)
  let unique = rest.prefix(16)
  let isUnique =
    unique.utf8.count == 16
    && unique.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
  guard isUnique, rest.dropFirst(16).first == "-", rest.count > 17 else { return nil }
  return String(rest.dropFirst(17))
}

/// Removes what killed writers left, and puts back what they had moved away and not replaced.
///
/// Everything here is an attempt: what cannot be cleaned (a read-only directory, a file system
/// without locks) stays and disturbs nobody.
func removeLeftovers(in parent: URL) {
  restoreReplaced(in: parent)
  for name in passingNames(in: parent, .temporary) {
    removeIfAbandoned(parent.appending(path: name))
  }
  for name in passingNames(in: parent, .replaced) {
    guard let final = finalName(of: name, .replaced),
      FileManager.default.fileExists(atPath: parent.appending(path: final).path)
    else { continue }
    removeIfAbandoned(parent.appending(path: name))
  }
}

/// Puts directories back that a killed writer had moved away and not yet replaced.
func restoreReplaced(in parent: URL) {
  for name in passingNames(in: parent, .replaced) {
    guard let final = finalName(of: name, .replaced) else { continue }
    let old = parent.appending(path: name)
    let target = parent.appending(path: final)
    guard let descriptor = try? FileDescriptor(old, O_RDONLY), descriptor.tryLock() == .taken,
      !FileManager.default.fileExists(atPath: target.path)
    else { continue }
    withExtendedLifetime(descriptor) { try? renameItem(old, to: target) }
  }
}

private func passingNames(in parent: URL, _ kind: PassingName) -> [String] {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
  return names.filter { finalName(of: $0, kind) != nil }.sorted()
}

private func removeIfAbandoned(_ url: URL) {
  // A link has no lock of its own; opening it would lock what it leads to.
  var information = stat()
  if lstat(url.path, &information) == 0, information.st_mode & S_IFMT == S_IFLNK {
    unlink(url.path)
    return
  }
  guard let descriptor = try? FileDescriptor(url, O_RDONLY),
    descriptor.tryLock() == .taken
  else { return }
  withExtendedLifetime(descriptor) { try? FileManager.default.removeItem(at: url) }
}

/// Removes a file or directory so that nobody ever finds half of it under its name.
///
/// - Parameter name: the final name, where `url` is itself a passing one.
func discard(_ url: URL, named name: URL? = nil) throws {
  let passing = siblingURL(of: name ?? url, .temporary)
  try renameItem(url, to: passing)
  try synchronizeItem(url.deletingLastPathComponent())
  // From here on it is a leftover, which the next writer removes where this does not succeed.
  try? FileManager.default.removeItem(at: passing)
}
