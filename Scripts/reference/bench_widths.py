#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how the speed of optimizer steps depends on a model's width, and writes a dated report.

    bench_widths.py [--rounds 3] [--steps 20] [--threads N] [--only 16,64] [--output DIRECTORY]

GPT-2 of 4 layers, for heads of each size, on one thread and on all: in each round every width runs once, in a
process of its own, so that what disturbs the machine disturbs all alike. A round gives the median of its
steps; ratios are those of one round, of which the table has the median. `Scripts/bench --widths` builds
what this needs and calls it.
"""

import datetime
import statistics

import bench

# Sizes of heads.
CONFIGURATIONS = {"16": 16, "32": 32, "64": 64, "128": 128}
WIDTHS = [32, 64, 128, 256, 512]
LAYERS, VOCABULARY, CONTEXT, BATCH = 4, 1024, 128, 32
PRECISION = "bf16"


def run(width, head, threads, steps):
    """One process: operations a second of the median step."""
    sizes = f"{LAYERS},{width // head},{width},{VOCABULARY},{CONTEXT},{BATCH}"
    words = [str(bench.STEP_BENCHMARK), sizes, PRECISION, str(steps), str(threads)]
    report = bench.launch(words)
    return report["floatingPointOperations"] / statistics.median(report["seconds"])


def measure(name, threads, arguments):
    """Operations a second by width, one of each round."""
    head = CONFIGURATIONS[name]
    measured = {width: [] for width in WIDTHS if width >= head}
    for number in range(arguments.rounds):
        for width, speeds in measured.items():
            # Small models take short steps.
            steps = max(arguments.steps, arguments.steps * 256 // width)
            speeds.append(run(width, head, threads, steps))
            bench.log(f"heads of {head}, {threads} threads, round {number + 1}: width {width} "
                      f"{speeds[-1] / 1e9:.0f} GFLOP/s")
    return measured


def ratios(measured, width):
    """The speed against that of twice the width, round by round; nothing for the widest."""
    return [ours / twice for ours, twice in zip(measured[width], measured.get(2 * width, []))]


def table(results):
    lines = ["| heads of | threads | " + " | ".join(f"width {width}" for width in WIDTHS) + " |",
             "|---|---|" + "---|" * len(WIDTHS)]
    for (name, threads), measured in results.items():
        cells = []
        for width in WIDTHS:
            if width not in measured:
                cells.append("")
                continue
            cell = f"{statistics.median(measured[width]) / 1e9:.0f}"
            if all_ratios := ratios(measured, width):
                cell += f" ({statistics.median(all_ratios):.2f})"
            cells.append(cell)
        lines.append(f"| {name} | {threads} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def details(results):
    lines = ["| heads of | threads | width | GFLOP/s by round |", "|---|---|---|---|"]
    for (name, threads), measured in results.items():
        for width, speeds in measured.items():
            rounds = ", ".join(f"{speed / 1e9:.1f}" for speed in speeds)
            lines.append(f"| {name} | {threads} | {width} | {rounds} |")
    return "\n".join(lines)


def report(results, arguments, load):
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"""# Speed by width, {now:%Y-%m-%d}

GFLOP/s of optimizer steps (forward, backward, clip, AdamW) in {PRECISION}, higher is better, and in brackets the
share of the speed at twice the width: what a narrow stage loses in time of what it saves in operations.

{table(results)}

GPT-2 of {LAYERS} layers, vocabulary {VOCABULARY:,}, {BATCH} sequences of {CONTEXT} tokens.

- Machine: {bench.hardware()}. Load before the start: {load:.2f}.
- Espalier at commit {bench.commit()}, {bench.first_line("swift", "--version")}.
- {arguments.rounds} rounds over all widths, of {arguments.steps} steps each or more for narrow models, the first step
  left out; medians of the rounds' medians, and of their ratios.
- Made {now:%Y-%m-%d %H:%M} UTC. To repeat: `Scripts/bench --widths`.

## Every round

{details(results)}
"""


def main():
    arguments, names, load = bench.parse(
        __doc__.splitlines()[0], 20, CONFIGURATIONS, "Scripts/bench --widths")
    results = {(name, threads): measure(name, threads, arguments)
               for name in names for threads in sorted({1, arguments.threads})}
    bench.write(report(results, arguments, load), "widths", table(results), arguments.output)


if __name__ == "__main__":
    main()
