// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// What becomes of the training state.
struct GrowthTrainingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What becomes of the optimizer's moments; default mapped.",
      valueName: MomentRequest.choices))
  var moments: MomentRequest?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where the learning-rate schedule goes on: where it stands, or at 1/ratio of its steps; auto "
        + "takes the ratio at which a larger model comes to the same loss sooner, by its number of "
        + "parameters. Default auto, or keep with --learning-rates small-trajectory.",
      valueName: "keep|auto|ratio"))
  var schedule: ScheduleRequest?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long the rate rises from zero; default a fifteenth of the schedule's own warm-up where "
        + "the schedule moves.", valueName: "duration"))
  var rewarmup: DurationRequest?

  /// The options of a growth, whose schedule depends on how much the model grows.
  func options(
    of source: GrowthSource, manner: GrowthMannerOptions, sizes: GrowthSizeOptions,
    recipes: GrowthRecipeOptions, seed: UInt64
  ) throws -> GrowthOptions {
    guard let status = source.status else {
      let given = [
        ("--moments", moments != nil), ("--schedule", schedule != nil),
        ("--rewarmup", rewarmup != nil),
      ]
      if let (name, _) = given.first(where: \.1) {
        throw ValidationError("\(name) speaks of training, and this source is weights alone.")
      }
      return GrowthOptions(seed: seed)
    }
    var options = GrowthOptions(seed: seed)
    if let moments { options.moments = moments.policy }
    guard schedule != nil || rewarmup != nil else { return options }
    let path = try GrowthRequest(sizes: sizes, manner: manner, recipes: recipes)
      .growth(of: source.model).path(from: source.model)
    options.schedule = try placement(after: path).continuation(
      from: source.model, to: path.target, on: status.training.schedule,
      rewarmup: rewarmup?.duration)
    return options
  }

  private func placement(after path: GrowthPath) -> SchedulePlacement {
    switch schedule {
    case .keep: .kept
    case .ratio(let ratio): .ratio(ratio)
    case .auto: .automatic
    case nil: .usual(after: path)
    }
  }
}
