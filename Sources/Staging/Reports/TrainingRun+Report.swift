// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation
import Reporting

extension TrainingRun {
  /// Writes the page that shows the run, `report.html` in its directory, whole or not at all.
  ///
  /// Where a file of that name is there that this program did not make, it stays, and the page is
  /// `report-1.html`, or the next number that is free.
  ///
  /// - Returns: the page.
  /// - Throws: the errors of reading the run and of writing the file.
  @discardableResult
  public func writeReport() throws -> URL {
    let page = ReportPage(runs: [try ReportedRun(readingFrom: directory.url)])
    let file =
      ReportPage.mayReplace(directory.report)
      ? directory.report : directory.vacant("report-", in: directory.url, extension: ".html")
    try OutputFile.replace(file, with: Data(page.html.utf8))
    return file
  }
}

extension ReportPage {
  /// Whether a page may take a file's place: nothing that anybody else wrote is lost.
  static func mayReplace(_ file: URL) -> Bool {
    let path = file.path(percentEncoded: false)
    guard FileManager.default.fileExists(atPath: path) else { return true }
    guard let file = try? RegularFile.open(path) else { return false }
    let old = (try? file.read(upToCount: markedByteCount)) ?? Data()
    return old.isEmpty || isPage(String(decoding: old, as: UTF8.self))
  }
}
