#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures optimizer steps of the accelerator engine beside JAX, both on XLA's CPU, and writes a report.

    bench_xla.py [--rounds 3] [--steps 6] [--threads N] [--only A,C] [--output DIRECTORY]

Each configuration runs in rounds: ours, JAX, and the embedded CPU engine, each in a process of its own on
the same cores, so that what disturbs the machine disturbs all alike. A round gives the median of its steps;
ratios are those of one round, of which the table has the median. `Scripts/bench --xla` builds what this
needs and calls it.
"""

import datetime
import os
import pathlib
import platform
import statistics
import sys

import bench

JAX_STEP = pathlib.Path(__file__).with_name("bench_jax.py")

# The step benchmark's, and a Llama of grouped heads: key/value heads and intermediate width behind the others.
CONFIGURATIONS = bench.CONFIGURATIONS | {"D": "8,8,512,8192,256,4,2,1408"}


CONTENDERS = {
    "ours": [str(bench.STEP_BENCHMARK)],
    "JAX": [sys.executable, str(JAX_STEP)],
    "embedded": [str(bench.STEP_BENCHMARK)],
}


def run(name, command, sizes, precision, arguments):
    """What one process reports, with the median of its steps."""
    words = command + [sizes, precision, str(arguments.steps), str(arguments.threads)]
    words += ["xla"] if name == "ours" else []
    cores = sorted(os.sched_getaffinity(0))[:arguments.threads]
    # XLA takes as many threads as it may use cores.
    settings = {"NPROC": str(arguments.threads), "ESPALIER_PLUGINS": str(bench.ROOT / ".xla")}
    report = bench.launch(
        words, env=os.environ | settings, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return report | {"step": statistics.median(report["seconds"])}


def measure(configuration, precision, arguments):
    measured = {}
    for number in range(arguments.rounds):
        for name, command in CONTENDERS.items():
            report = run(name, command, CONFIGURATIONS[configuration], precision, arguments)
            measured.setdefault(name, []).append(report)
            bench.log(f"{configuration} {precision} round {number + 1}: {name} {report['step']:.4f} s")
    return measured


def median(reports, key):
    return statistics.median(report[key] for report in reports)


def xla_bytes(reports):
    memory = reports[-1]["xlaBytes"]
    return (memory["arguments"] + memory["outputs"] - memory["aliases"] + memory["temporaries"])


def ratios(measured, other="JAX"):
    """How many times as long the other takes, round by round."""
    return [theirs["step"] / ours["step"] for ours, theirs in zip(measured["ours"], measured[other])]


def table(results):
    lines = [
        "| configuration | precision | ours | JAX | JAX / ours | spread | embedded CPU engine | compiling: ours "
        "| JAX | XLA's memory: ours | JAX |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (configuration, precision), measured in results.items():
        ours, theirs = measured["ours"], measured["JAX"]
        all_ratios = ratios(measured)
        lines.append(
            f"| {configuration} | {precision} | **{median(ours, 'step'):.3f} s** "
            f"| {median(theirs, 'step'):.3f} s | {statistics.median(all_ratios):.2f} "
            f"| {min(all_ratios):.2f}–{max(all_ratios):.2f} "
            f"| {median(measured['embedded'], 'step'):.3f} s "
            f"| {median(ours, 'compileSeconds'):.1f} s | {median(theirs, 'compileSeconds'):.1f} s "
            f"| {bench.gigabytes(xla_bytes(ours))} | {bench.gigabytes(xla_bytes(theirs))} |")
    return "\n".join(lines)


def details(results):
    lines = ["| configuration | precision | contender | seconds per step, by round | peak of the process |",
             "|---|---|---|---|---|"]
    for (configuration, precision), measured in results.items():
        for name, reports in measured.items():
            times = ", ".join(f"{report['step']:.4f}" for report in reports)
            peak = max(report["peakBytes"] for report in reports)
            lines.append(
                f"| {configuration} | {precision} | {name} | {times} | {bench.gigabytes(peak)} |")
    return "\n".join(lines)


def report(results, arguments, load):
    import jax
    import jaxlib

    now = datetime.datetime.now(datetime.timezone.utc)
    sizes = "; ".join(f"{name} = {CONFIGURATIONS[name]}" for name in CONFIGURATIONS)
    plugin = (pathlib.Path(__file__).with_name("xla-cpu.txt").read_text().split("==")[1].split()[0])
    return f"""# Optimizer steps on XLA beside JAX, {now:%Y-%m-%d}

Seconds per optimizer step (forward, backward, clip, AdamW), lower is better, and how many times as long JAX
takes. Both run XLA on this machine's processor; the embedded CPU engine is there for comparison. XLA's
memory is that of the largest program as XLA plans it: arguments, outputs and temporaries.

{table(results)}

Layers, heads, width, vocabulary, context, batch, for a Llama key/value heads and intermediate width:
{sizes}.

- Machine: {bench.hardware()}; {arguments.threads} threads. Load before the start: {load:.2f}.
- Espalier at commit {bench.commit()}, {bench.first_line("swift", "--version")}, plugin
  lammps-jax-pjrt-cpu {plugin}.
- JAX {jax.__version__}, jaxlib {jaxlib.__version__}, Python {platform.python_version()}: the step of
  `bench_jax.py`, one compiled function with donated parameters and moments.
- {arguments.rounds} interleaved rounds of {arguments.steps} steps each, the first step left out; medians of the
  rounds' medians, and of their ratios.
- Made {now:%Y-%m-%d %H:%M} UTC. To repeat: `Scripts/bench --xla`.

## Every round

{details(results)}
"""


def main():
    arguments, names, load = bench.parse(
        __doc__.splitlines()[0], 6, CONFIGURATIONS, "Scripts/bench --xla")
    results = {(name, precision): measure(name, precision, arguments)
               for name in names for precision in bench.PRECISIONS}
    bench.write(report(results, arguments, load), "xla", table(results), arguments.output)


if __name__ == "__main__":
    main()
