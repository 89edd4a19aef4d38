// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Reporting

extension TrainingRun {
  /// Writes the page that shows the run, `report.html` in its directory, whole or not at all.
  ///
  /// - Returns: the page.
  /// - Throws: the errors of reading the run and of writing the file.
  @discardableResult
  public func writeReport() throws -> URL {
    let page = ReportPage(runs: [try ReportedRun(readingFrom: directory.url)])
    try OutputFile.replace(directory.report, with: Data(page.html.utf8))
    return directory.report
  }
}
