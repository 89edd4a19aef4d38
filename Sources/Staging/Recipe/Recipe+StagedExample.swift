// SPDX-License-Identifier: Apache-2.0

extension Recipe {
  /// A recipe of two stages with every key that stages have, commented.
  public static let stagedExample = """
    # A recipe for `espalier run`: `espalier train --example` explains the keys that all recipes have.
    version: 1
    seed: 7

    model: {architecture: gpt2, layers: 4, hidden: 128, heads: 4, context: 128}   # the target

    tokenizer: {kind: bpe, vocabulary: 2048}
    data: {train: [corpus.txt], validation: {fraction: 0.02}}

    batch: {sequences: 32}
    schedule: {kind: cosine, peak: 2e-3, warmup: 150 steps, total: 3000 steps}   # of the target
    # parametrization: mup       # the peak is the first stage's; later ones take what their sizes need
    evaluate: {every: 25 steps, batches: 10}    # slopes are seen in these losses
    checkpoint: {every: 500 steps, keep: 2}

    stages:
      - model: {layers: 2, hidden: 64}          # what differs; heads and feed-forward follow
        # model: {layers: 2, hidden: 64, heads: 2, keyValueHeads: 2, headSize: 32, intermediate: 256}
        # model: {layers: 2, context: 64}       # a shorter context, which grow.context lengthens
        until: {slope: auto}                    # d log loss / d log compute, as published
        # until: {slope: width}                 # or depth, both, optimality, or a number below 0
        # until: {slope: -0.05, detector: robust}   # or literal; default robust
        # until: {slope: auto, atLatest: 40%}   # or 500 steps of this stage, or none; default 60%
        # until: {after: 500 steps}             # of this stage
        # until: {share: 30%}                   # of the schedule
        # until: {loss: 3.2}                    # on held-out text
        grow:                                   # without sizes: straight to the recipe's model
          width: 2
          depth: 2
          # layers: 4                           # instead of depth; or the source of each: "0-1,0-1"
          # hidden: 128                         # single sizes instead of width, by padding
          # heads: 4                            # or 4:2 with key/value heads
          # headSize: 32
          # ffn: 512
          # context: 128
          form: blockDiagonal                   # or divided; default blockDiagonal
          symmetry: noise                       # or split, none; default noise
          noise: 10                             # decibels below the weights; default 10
          block: identityByOutput               # or freshIdentity, identityByNorm, copy, fresh
          placement: interleaved                # or appended, middle, or a list of layers
          # outputScale: 0.5                    # on what copied blocks write; default 1
          # learningRates: smallTrajectory      # default target
          # units: new                          # of ffn; default duplicate
          # positions: interpolated             # of context; default extended
          moments: mapped                       # or reset, resetNew, diagonal; default mapped
          # newRate: 1.3                        # times the learning rate of new entries, going to 1
          # newRateSteps: 250                   # over so many steps; default 250
          schedule: auto                        # or keep, or a ratio of steps such as 1.776
          # rewarmup: 50 steps                  # default: a fifteenth of the warm-up
      - {}                                      # to the end of the schedule
        # until: {slope: optimality}            # or until more training is no longer worth it

    # Or leave the stages to a planner, which settles them when the run begins:
    # stages: auto                              # by the published law, for this run's length
    # stages: {auto: {fit: [pilots/a, pilots/b], firstStep: 200, stages: 3}}   # by your own runs
    # stages: {auto: {loss: 3.2}}               # or {compute: 1.5e15 FLOPs}; default: run's length
    # stages: {plan: plan.json}                 # what `espalier plan -o plan.json` found
    # stages: {lateExpansion: {layers: 1, share: 80%}}   # with schedule.kind: wsd or constant

    """
}
