// SPDX-License-Identifier: Apache-2.0
import Training

extension Recipe {
  /// A recipe with every key, commented; it trains a small GPT-2 on `corpus.txt`.
  public static let example = """
    # A recipe for `espalier train`. Keys with a default may be left out.
    # Durations: 200 steps, 20M tokens, 1.5e15 FLOPs, 90 minutes.
    version: 1
    seed: 7                      # of initial values, data order and dropout; default 0

    model:
      architecture: gpt2         # or llama
      layers: 6
      hidden: 384
      heads: 6
      context: 256               # positions, and the length of training sequences
      # vocabulary: 4096         # at least the tokenizer's; default: the tokenizer's
      # intermediate: 1536       # default: gpt2 4 · hidden, llama 8/3 · hidden rounded up
      # headSize: 64             # default: hidden / heads
      # keyValueHeads: 2         # llama; default: heads
      # tieHead: true            # one matrix for embedding and head; default: gpt2 true, llama false
      # dropout: 0.1             # or {embedding: 0.1, attention: 0.1, residual: 0.1}; default 0
      # ropeBase: 10000          # llama
      # normEpsilon: 1e-5

    tokenizer: {kind: bpe, vocabulary: 4096}
    # tokenizer: {kind: file, path: tokenizer.json}
    # tokenizer: {kind: bytes}

    data:
      train: [corpus.txt]        # files or folders, relative to this file
      validation: {fraction: 0.02}   # or {files: [held-out.txt]}, none; default 0.01
      order: shuffled            # or sequential; default shuffled
    # data: prepared/            # a directory that `espalier prepare` wrote, instead of texts;
    #                            # or {prepared: prepared/, order: sequential}

    precision: bf16              # or fp32; default fp32

    batch:
      sequences: 32              # in one micro-batch
      accumulate: 1              # micro-batches in one step; default 1
      # warmup: {from: 8, over: 2M tokens}           # sequences of a step rise
      # sequenceLength: {from: 64, over: 5M tokens}  # their length rises

    optimizer:                   # these are the defaults
      kind: adamW                # or \(OptimizerConfiguration.alternatives)
      beta1: 0.9
      beta2: 0.95
      epsilon: 1e-8
      weightDecay: 0.1
      clip: 1.0                  # or none
      decayRule: matrices        # or all, none

    schedule:
      kind: cosine               # or linear, wsd, constant
      peak: 1e-3
      warmup: 200 steps          # default 0 steps
      total: 20M tokens          # default: stop.after
      floor: 0.1                 # of the peak; default 0.1
      # decay: 20%               # wsd: a share of the total or a duration; default 20%
      # decayShape: squareRoot   # wsd: or linear, cosine; default squareRoot

    # mup: peak and epsilon are those of a base model, and follow from width and depth in larger ones
    # parametrization: {kind: mup, base: {layers: 6, hidden: 64}}   # default standard

    evaluate: {every: 100 steps}   # or none; also tokens: 200k tokens, tokens: all, or batches: 20;
                                   # by default the whole validation text, or 65536 tokens all over it
    checkpoint: {every: 500 steps, keep: 3}   # keep: all keeps every one; or none: the end only;
                                   # the best and the last good one stay beside the newest

    stop:                        # default: at the schedule's end
      after: 20M tokens
      # further: 4M tokens       # instead of after: counted from where the run began
      # loss: 3.2                # at this loss or below
      # lossKind: validation     # or training; default validation

    # Trouble: stop (the default), skip the batch, or rollback to the last good checkpoint.
    # onNonFinite: rollback      # a loss or gradient that is NaN or infinite
    # onSpike: {factor: 2, window: 50, action: skip}   # a loss above twice the mean of 50 steps

    # noiseScale: {every: 50 steps}   # measures the critical batch size

    """
}
