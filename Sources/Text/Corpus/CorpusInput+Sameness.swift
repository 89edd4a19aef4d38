// SPDX-License-Identifier: Apache-2.0
import Foundation

extension CorpusInput {
  /// The inputs without the files that are among others, whatever their paths: what a model is validated
  /// on, it must not be trained on.
  ///
  /// - Returns: the inputs that stay, and a remark for people where some do not.
  /// - Throws: ``TextError`` of code `unreadableInput` where none stays.
  package static func leaving(
    _ inputs: [CorpusInput], without validation: [CorpusInput]
  ) throws -> (inputs: [CorpusInput], remark: String?) {
    let known = Set(validation.compactMap(\.fileIdentity))
    let kept = inputs.filter { input in input.fileIdentity.map { !known.contains($0) } ?? true }
    guard kept.count < inputs.count else { return (inputs, nil) }
    let first = inputs.first { $0.fileIdentity.map(known.contains) ?? false }?.name ?? ""
    guard !kept.isEmpty else {
      throw TextError(
        .unreadableInput,
        "is the text to validate on as well, and no other is left to train on; name other files",
        subject: first)
    }
    let count = inputs.count - kept.count
    return (
      kept,
      "\(count) \(count == 1 ? "file is" : "files are") left out of the training text, to be "
        + "validated on: \(first)\(count == 1 ? "" : ", …")"
    )
  }

  /// What tells a file from all others on this machine; nil for standard input and for what is no
  /// file.
  private var fileIdentity: [UInt64]? {
    guard case .file(let url) = location else { return nil }
    var information = stat()
    guard stat(url.path, &information) == 0 else { return nil }
    return [UInt64(truncatingIfNeeded: information.st_dev), UInt64(information.st_ino)]
  }
}
