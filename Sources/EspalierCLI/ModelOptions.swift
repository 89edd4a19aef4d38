// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// How a model's files are read.
struct ModelOptions: ParsableArguments {
  @Option(
    name: .customLong("ignore-tensors"),
    help: ArgumentHelp(
      "Pass over tensors that are no part of the model and whose names fit a pattern (*, ?, […]); may "
        + "be repeated. Empty ones always are.", valueName: "pattern"))
  var ignoredTensors: [String] = []

  /// Says on standard error what a user should know of a model's files.
  static func tell(_ directory: ModelDirectory) {
    Note.print(directory.notes.map { "\(directory.url.path(percentEncoded: false)): \($0)" })
  }
}
