// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A file mapped read-only into memory for as long as this object lives.
///
/// The file must not be cut short meanwhile: the system ends a process that reads mapped pages
/// beyond the end. Whoever changes a file should write another and rename it over this one.
public final class MappedFile: @unchecked Sendable {
  /// Where the file is.
  public let url: URL
  /// The file's bytes.
  public let bytes: UnsafeRawBufferPointer

  /// Maps the whole file; an empty file maps to no bytes.
  ///
  /// - Throws: ``TensorsError`` of code `fileUnavailable` naming the file and the system's reason.
  public init(_ url: URL) throws {
    self.url = url
    func failure(_ what: String) -> TensorsError {
      TensorsError(
        .fileUnavailable, "cannot \(what): \(String(cString: strerror(errno)))", subject: url.path)
    }
    // O_NONBLOCK: opening a pipe must fail, not wait for its writer.
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("open") }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw failure("read its size") }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw TensorsError(.fileUnavailable, "is not a regular file", subject: url.path)
    }
    let size = Int(information.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0),
      address != MAP_FAILED
    else { throw failure("map") }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit {
    if let base = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
    }
  }

  /// Tells the system that pages will be read in order, or at random.
  public func advise(sequential: Bool) {
    guard let base = bytes.baseAddress else { return }
    _ = madvise(
      UnsafeMutableRawPointer(mutating: base), bytes.count,
      sequential ? MADV_SEQUENTIAL : MADV_RANDOM)
  }
}
