// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `espalier plan`: when to grow, by how much, and when to stop.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Plan a staged training: which models, for how long, grown when.",
    discussion: """
      `plan --target` searches the stages of least compute for a recipe's model by a scaling law: \
      the published one, or one that is fitted to your own runs. `plan pilot` trains the few short \
      runs that a fit needs. `plan curves` finds the schedule \
      between the measured curves of a small and a large model.

      Examples:
        espalier plan --target recipe.yaml
        espalier plan pilot --target recipe.yaml -o pilots --steps 2000
        espalier plan --target recipe.yaml --fit pilots/* --first-step 200 -o plan.json
        espalier plan curves small.csv large.csv --parameters 42.5e6 84.9e6 \
      --tokens-per-step 524288 --threshold depth

      `espalier plan stages --help`, and so on, explain every option.
      """,
    subcommands: [PlanStagesCommand.self, PlanCurvesCommand.self, PlanPilotCommand.self],
    defaultSubcommand: PlanStagesCommand.self)
}
