// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier families`: which models can be grown, and how to describe others.
struct FamiliesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "families",
    abstract: "List the model families that can be grown, or describe one as YAML.",
    discussion: """
      A family's description says what its blocks compute, how its files name their tensors, and under \
      which keys its config.json keeps the sizes. For a family that is not listed, take the description \
      of the one that is most like it, change it, and give the file to grow and verify as --family.

      Examples:
        espalier families
        espalier families qwen2 > mine.yaml
        espalier grow model -o larger --depth 2 --family mine.yaml

      Exit codes: 0 done, 1 error, 64 wrong usage.
      """)

  @Argument(
    help: "The family to describe.", completion: .list(DecoderFamily.known.map(\.name)))
  var name: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    guard let name else {
      if json { return try CommandOutput.print(json: DecoderFamily.known) }
      return try CommandOutput.print(DecoderFamily.known.map(Self.line))
    }
    guard let family = DecoderFamily.named(name) else {
      let names = DecoderFamily.known.map(\.name)
      let hint = NearestName.of(name, among: names).map { " Did you mean \($0)?" } ?? ""
      throw ValidationError(
        "\(name) is no known family; expected one of \(names.joined(separator: ", ")).\(hint)")
    }
    if json { return try CommandOutput.print(json: family) }
    try CommandOutput.write(FamilyFile(family).yaml())
  }

  private static func line(_ family: DecoderFamily) -> String {
    let traits = family.traits
    let parts = [
      traits.norm == .layer ? "layer norm" : "RMS norm",
      traits.gain == .aboveOne ? "gains less one" : traits.gain == .none ? "no gains" : nil,
      traits.isGated ? "gated \(traits.activation.rawValue)" : traits.activation.rawValue,
      traits.attentionBias ? "biases" : nil,
      traits.queryKeyNorm ? "query and key norms" : nil,
      family.tensors.queryKeyValue == nil ? nil : "fused attention",
      traits.isParallel ? "parallel branches" : nil,
      family.keys.experts == nil ? nil : "experts",
    ].compactMap { $0 }
    return family.name.padding(toLength: 10, withPad: " ", startingAt: 0)
      + parts.joined(separator: ", ")
  }
}
