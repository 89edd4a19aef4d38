// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// The option of every command that opens models of families of their own.
struct FamilyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The description of a family that is not known; `espalier families` prints some to begin with.",
      valueName: "family.yaml"),
    completion: .file(extensions: ["yml", "yaml", "json"]))
  var family: String?

  /// The families beside the known ones.
  func given() throws -> [DecoderFamily] {
    try family.map { [try FamilyFile(contentsOf: URL(filePath: $0)).family] } ?? []
  }
}
