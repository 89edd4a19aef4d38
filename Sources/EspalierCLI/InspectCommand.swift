// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier inspect`: what lies at a path.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Show what a run, checkpoint, model, safetensors file, token directory or recipe holds.",
    discussion: """
      Every file that a manifest names is compared with its checksum; --no-verify compares sizes \
      only. The exit code is 1 where something is damaged.

      Examples:
        espalier inspect runs/first
        espalier inspect runs/first/checkpoints/step-00000500
        espalier inspect gpt2/model.safetensors
        espalier inspect prepared/ --json
        espalier inspect recipe.yaml
      """)

  @Argument(
    help: "A run, checkpoint, Hugging Face or token directory, a .safetensors file or a recipe.",
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
      print(try JSONText.of(inspection))
    } else {
      InspectionText.lines(inspection).forEach { print($0) }
    }
    if inspection.isDamaged { throw ExitCode.failure }
  }
}
