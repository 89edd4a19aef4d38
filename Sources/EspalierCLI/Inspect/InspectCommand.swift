// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier inspect`: what lies at a path.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Show what a run, checkpoint, model, safetensors file, token directory, recipe or receipt holds.",
    discussion: """
      Every file that a manifest names is compared with its checksum; --no-verify compares sizes \
      only. The exit code is 1 where something is damaged.

      Examples:
        espalier inspect runs/first
        espalier inspect runs/first/checkpoints/step-00000500
        espalier inspect gpt2/model.safetensors
        espalier inspect prepared/ --json
        espalier inspect recipe.yaml
        espalier inspect larger/growth.json

      Exit codes: 0 whole, 1 damaged or error, 64 wrong usage.
      """)

  @Argument(
    help: """
      A run, checkpoint, Hugging Face or token directory, a .safetensors file, a recipe or a growth.json.
      """,
    completion: .file())
  var path: String

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(inversion: .prefixedNo, help: "Compare every file with its checksum.")
  var verify = true

  @OptionGroup var modelOptions: ModelOptions

  func run() throws {
    let inspection = try Inspection.of(
      URL(filePath: path), verify: verify, ignoring: modelOptions.ignoredTensors)
    if json {
      try CommandOutput.print(json: inspection)
    } else {
      try CommandOutput.print(InspectionText.lines(inspection))
    }
    if inspection.isDamaged { throw ExitCode.failure }
  }
}
