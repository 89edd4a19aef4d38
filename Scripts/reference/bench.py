#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures optimizer steps of Espalier beside PyTorch, and writes a dated report.

    bench.py [--rounds 3] [--steps 8] [--threads N] [--only A,C] [--output DIRECTORY]

Each configuration runs in rounds: Espalier, PyTorch as installed, PyTorch tuned (eager and
compiled), and again, each in a process of its own, so that what disturbs the machine disturbs all
alike. A round gives the median of its steps; the table has the medians of the rounds. `make bench`
builds what this needs and calls it.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEP_BENCHMARK = ROOT / "Benchmarks/.build/release/StepBenchmark"
TORCH_STEP = pathlib.Path(__file__).with_name("bench_step.py")

# Layers, heads, width, vocabulary, context, batch.
CONFIGURATIONS = {
    "A": "6,6,384,50304,256,4",
    "B": "6,6,384,4096,256,8",
    "C": "4,4,128,512,128,32",
}
PRECISIONS = ["fp32", "bf16"]
OPTIMIZERS = ["AdamW", "Muon"]

# glibc gives large blocks back to the system at once, and PyTorch then pays for every page of every
# step again. With these it keeps them, in huge pages.
TUNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
    "MALLOC_TOP_PAD_": "67108864",
    "THP_MEM_ALLOC_ENABLE": "1",
}

# Every contender: its command, how it is told to take Muon, and what its environment has more.
CONTENDERS = {
    "espalier": ([str(STEP_BENCHMARK)], [], "muon", {}),
    "installed": ([sys.executable, str(TORCH_STEP)], [], "--muon", {}),
    "tuned eager": ([sys.executable, str(TORCH_STEP)], [], "--muon", TUNED),
    "tuned compiled": ([sys.executable, str(TORCH_STEP)], ["--compile"], "--muon", TUNED),
}


def log(*words):
    print(*words, file=sys.stderr, flush=True)


class StepFailed(SystemExit):
    """A process that failed; its words where nobody deals with that."""


def launch(words, **options):
    """What one process reports that takes optimizer steps."""
    result = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        raise StepFailed(
            f"{' '.join(words)} failed:\n{result.stderr[-2000:]}{result.stdout[-500:]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def run(name, sizes, precision, optimizer, arguments):
    """One process: the median of its steps' seconds and its peak memory in bytes."""
    command, options, muon, settings = CONTENDERS[name]
    words = command + [sizes, precision, str(arguments.steps), str(arguments.threads)] + options
    words += [muon] if optimizer == "Muon" else []
    report = launch(words, env=os.environ | settings)
    return statistics.median(report["seconds"]), report["peakBytes"]


def measure(configuration, precision, optimizer, arguments):
    """The rounds' medians and the highest peak of each contender."""
    sizes = CONFIGURATIONS[configuration]
    measured = {}
    for number in range(arguments.rounds):
        for name in list(CONTENDERS):
            if number > 0 and name not in measured:
                continue
            try:
                seconds, peak = run(name, sizes, precision, optimizer, arguments)
            except StepFailed as error:
                # torch.compile needs a C++ compiler, which is not everywhere.
                if name != "tuned compiled" or name in measured:
                    raise
                log(f"left out: {error}")
                continue
            log(f"{configuration} {precision} {optimizer} round {number + 1}: {name} {seconds:.4f} s")
            rounds, highest = measured.setdefault(name, ([], 0))
            rounds.append(seconds)
            measured[name] = (rounds, max(highest, peak))
    return {name: (statistics.median(rounds), peak, rounds)
            for name, (rounds, peak) in measured.items()}


def table(results):
    lines = [
        "| configuration | precision | optimizer | Espalier | PyTorch as installed | PyTorch tuned | faster than "
        "installed | faster than tuned | memory: Espalier | installed | tuned |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (configuration, precision, optimizer), measured in results.items():
        ours, installed = measured["espalier"], measured["installed"]
        best = min((name for name in measured if name.startswith("tuned")),
                   key=lambda name: measured[name][0])
        tuned = measured[best]
        lines.append(
            f"| {configuration} | {precision} | {optimizer} | **{ours[0]:.3f} s** | {installed[0]:.3f} s "
            f"| {tuned[0]:.3f} s ({best.split()[1]}) "
            f"| {installed[0] / ours[0]:.2f} × | {tuned[0] / ours[0]:.2f} × "
            f"| {gigabytes(ours[1])} | {gigabytes(installed[1])} | {gigabytes(tuned[1])} |")
    return "\n".join(lines)


def details(results):
    lines = ["| configuration | precision | optimizer | contender | seconds per step, by round | peak |",
             "|---|---|---|---|---|---|"]
    for (configuration, precision, optimizer), measured in results.items():
        for name, (_, peak, rounds) in measured.items():
            times = ", ".join(f"{seconds:.4f}" for seconds in rounds)
            lines.append(
                f"| {configuration} | {precision} | {optimizer} | {name} | {times} | {gigabytes(peak)} |")
    return "\n".join(lines)


def gigabytes(count):
    return f"{count / 1e9:.2f} GB"


def first_line(*command):
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return output.stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def hardware():
    """The processor as lscpu names it, with what matters for speed."""
    try:
        listing = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    fields = {key.strip(): value.strip() for key, _, value in
              (line.partition(":") for line in listing.splitlines())}
    flags = fields.get("Flags", "").split()
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return (f"{fields.get('Model name', 'unknown')} (family {fields.get('CPU family', '?')}, model "
            f"{fields.get('Model', '?')}), {fields.get('CPU(s)', '?')} cores, {' '.join(wide)}")


def commit():
    text = first_line("git", "rev-parse", "--short=12", "HEAD")
    try:
        changed = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"],
                                 capture_output=True, text=True, check=True, cwd=ROOT).stdout
    except (OSError, subprocess.CalledProcessError):
        return text
    return text + (" with uncommitted changes" if changed.strip() else "")


def report(results, arguments, load):
    import torch

    now = datetime.datetime.now(datetime.timezone.utc)
    settings = " ".join(f"{key}={value}" for key, value in TUNED.items())
    sizes = "; ".join(f"{name} = {sizes}" for name, sizes in CONFIGURATIONS.items())
    return f"""# Optimizer steps, {now:%Y-%m-%d}

Seconds per optimizer step of a GPT-2 (forward, backward, clip, AdamW or Muon), lower is better; and the
peak of resident memory of the whole process.

{table(results)}

Layers, heads, width, vocabulary, context, batch: {sizes}.

- Machine: {hardware()}; {arguments.threads} threads. Load before the start: {load:.2f}.
- Espalier at commit {commit()}, {first_line("swift", "--version")}.
- PyTorch {torch.__version__}, Python {platform.python_version()}. As installed: eager, no settings.
  Tuned: the faster of eager and `torch.compile`, with `{settings}`.
- {arguments.rounds} interleaved rounds of {arguments.steps} steps each, the first step left out;
  medians of the rounds' medians; the highest peak.
- Made {now:%Y-%m-%d %H:%M} UTC. To repeat: `make bench`.

## Every round

{details(results)}
"""


def parse(description, steps, configurations, build):
    """The command line, the configurations that it names, and the load of the machine.

    steps is what is taken where nothing is said, build what makes the step benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0))
                        if hasattr(os, "sched_getaffinity") else os.cpu_count())
    parser.add_argument("--only", help="configurations, as in A,C")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "Benchmarks/reports")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(configurations)
    unknown = [name for name in names if name not in configurations]
    if unknown:
        sys.exit(f"--only {','.join(unknown)}: expected some of {', '.join(configurations)}")
    if not STEP_BENCHMARK.exists():
        sys.exit(f"{STEP_BENCHMARK} is not built; run {build}")
    load = os.getloadavg()[0]
    if load > 0.5:
        log(f"The machine is busy (load {load:.2f}); the numbers will be too high.")
    return arguments, names, load


def write(text, kind, summary, directory):
    """Writes a dated report, and prints its table."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{datetime.date.today():%Y-%m-%d}-{kind}.md"
    path.write_text(text, encoding="utf-8")
    print(summary)
    print(f"\nWrote {os.path.relpath(path)}")


def main():
    arguments, names, load = parse(
        __doc__.splitlines()[0], 8, CONFIGURATIONS, "make bench")
    results = {(name, precision, optimizer): measure(name, precision, optimizer, arguments)
               for name in names for precision in PRECISIONS for optimizer in OPTIMIZERS}
    write(report(results, arguments, load), "step", table(results), arguments.output)


if __name__ == "__main__":
    main()
