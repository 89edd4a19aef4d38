#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a passthrough recipe with Espalier and with mergekit, side by side, and compares every byte.

    bench_mergekit.py ESPALIER MODEL RECIPE.yml WORK [--mergekit PATH] [--rounds 3]
        [--ours "{espalier} grow {model} -o {output} --recipe {recipe} --quiet"]
        [--theirs "{mergekit} {recipe} {output} --no-copy-tokenizer --quiet"] [--report PREFIX]

In the recipe the model is named MODEL, which stands for the directory of that argument. WORK is a
directory for both outputs, which are removed at the end. The rounds take turns: cp of the output,
Espalier, mergekit, each in a process of its own whose wall time, processor time and peak resident
memory the system reports (wait4). Pages of mapped files count as resident; where Linux says which
part is anonymous memory, the report has that peak beside it. Outputs are written through to the
disk within the time (fsync). How long mergekit takes only to start is measured too. Names, types, shapes and bytes of all tensors are compared after the
first round; the program exits with 1 where one differs. The report is PREFIX.json and PREFIX.md.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import struct
import subprocess
import sys
import threading
import time

OURS = "{espalier} grow {model} -o {output} --recipe {recipe} --quiet"
THEIRS = "{mergekit} {recipe} {output} --no-copy-tokenizer --no-write-model-card --quiet"
BLOCK = 1 << 24


def anonymous_bytes(process):
    """The process's anonymous resident memory, or nothing where /proc does not say."""
    try:
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def write_through(folder):
    """Waits until the files of an output are on the disk."""
    for path in folder.rglob("*") if folder else []:
        if path.is_file():
            with open(path, "rb+") as file:
                os.fsync(file.fileno())


def measure(words, log, output_folder=None):
    """Runs a command to its end; its seconds, processor seconds and peaks of memory in bytes."""
    with open(log, "wb") as output:
        begin = time.monotonic()
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        peak, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.02):
                peak[0] = max(peak[0], anonymous_bytes(process.pid))
        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        ended.set()
        write_through(output_folder)
        seconds = time.monotonic() - begin
        watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        text = pathlib.Path(log).read_text(errors="replace")[-2000:]
        sys.exit(f"{shlex.join(words)} failed with {process.returncode}:\n{text}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "processorSeconds": usage.ru_utime + usage.ru_stime,
            "peakBytes": usage.ru_maxrss * unit, "peakAnonymousBytes": peak[0]}


def tensors_of(folder):
    """Name: type, shape, file, first byte, end; of all shards, or an error for a name twice."""
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            if name in tensors:
                sys.exit(f"{folder} has {name} twice")
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = (entry["dtype"], entry["shape"], path, start, end)
    return tensors


def digest(tensor):
    _, _, path, start, end = tensor
    state = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(start)
        while start < end:
            block = file.read(min(BLOCK, end - start))
            if not block:
                sys.exit(f"{path} is shorter than its header says")
            state.update(block)
            start += len(block)
    return state.hexdigest()


def differences(ours, theirs):
    """What differs, in words, and mergekit's numbers of tensors and bytes."""
    ours, theirs = tensors_of(ours), tensors_of(theirs)
    found = [f"{name}: only Espalier has it" for name in ours.keys() - theirs.keys()]
    found += [f"{name}: only mergekit has it" for name in theirs.keys() - ours.keys()]
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name][:2] != theirs[name][:2]:
            found.append(f"{name}: {ours[name][:2]} and {theirs[name][:2]}")
        elif digest(ours[name]) != digest(theirs[name]):
            found.append(f"{name}: other bytes")
    return found, len(theirs), sum(end - start for *_, start, end in theirs.values())


def medians(rounds):
    return {key: statistics.median(entry[key] for entry in rounds) for key in rounds[0]}


def table(report):
    lines = ["| | seconds | of cp's rate | processor s | peak resident | of it anonymous |",
             "|---|---:|---:|---:|---:|---:|"]
    copy = report["medians"]["cp"]["seconds"]
    for name, values in report["medians"].items():
        rate = f"{copy / values['seconds']:.2f}" if not name.endswith("--help") else ""
        lines.append(
            f"| {name} | {values['seconds']:.2f} | {rate} | {values['processorSeconds']:.2f} |"
            f" {values['peakBytes'] / 2**20:.0f} MiB |"
            f" {values['peakAnonymousBytes'] / 2**20:.0f} MiB |")
    return lines


def markdown(report):
    verdict = "All bytes are equal." if report["equal"] else (
        "**Tensors differ:** " + "; ".join(report["differences"][:20]))
    return "\n".join([
        f"# Passthrough beside mergekit, {report['date']}", "",
        f"{report['tensors']} tensors, {report['bytes'] / 1e9:.2f} GB written; medians of"
        f" {report['roundCount']} round(s) that took turns, outputs synced to disk. {verdict}", "",
        *table(report), "",
        f"{report['machine']['processor']}, {report['machine']['processors']} processors,"
        f" {report['machine']['system']}. mergekit {report['mergekit']}.", "",
        "```yaml", report["recipe"].rstrip(), "```", "", "```", *report["commands"].values(),
        "```", ""])


def processor_name():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def mergekit_version(command):
    """Asked of the Python beside the command."""
    interpreter = pathlib.Path(shutil.which(command) or command).with_name("python")
    words = [str(interpreter), "-c",
             "import importlib.metadata as m; print(m.version('mergekit'), 'with torch',"
             " m.version('torch'))"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "of unknown version"


def run_rounds(commands, outputs, work, count):
    """The measurements of each contender, and the comparison after the first round."""
    start = "mergekit --help"
    rounds, compared = {name: [] for name in ["cp", *commands, start]}, None
    for number in range(count):
        for name, words in commands.items():
            shutil.rmtree(outputs[name], ignore_errors=True)
            rounds[name].append(measure(words, work / f"{name}.log", outputs[name]))
            print(f"round {number + 1}: {name} {rounds[name][-1]['seconds']:.2f} s",
                  file=sys.stderr, flush=True)
        copy = work / "output-cp"
        shutil.rmtree(copy, ignore_errors=True)
        words = ["cp", "-R", str(outputs["espalier"]), str(copy)]
        rounds["cp"].append(measure(words, work / "cp.log", copy))
        shutil.rmtree(copy, ignore_errors=True)
        rounds[start].append(measure([commands["mergekit"][0], "--help"], work / "help.log"))
        compared = compared or differences(outputs["espalier"], outputs["mergekit"])
    return rounds, compared


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("espalier")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--mergekit", default="mergekit-yaml")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", default=OURS)
    parser.add_argument("--theirs", default=THEIRS)
    parser.add_argument("--report", type=pathlib.Path, help="default: WORK/report")
    return parser.parse_args()


def main():
    arguments = parse()
    arguments.work.mkdir(parents=True, exist_ok=True)
    model = arguments.model.resolve()
    # Both read the same file, in which the model's place is filled in.
    recipe = arguments.work.resolve() / "recipe.yml"
    recipe.write_text(arguments.recipe.read_text().replace("MODEL", json.dumps(str(model))))
    outputs = {name: arguments.work.resolve() / f"output-{name}"
               for name in ("espalier", "mergekit")}
    templates = {"espalier": arguments.ours, "mergekit": arguments.theirs}
    commands = {
        name: shlex.split(template.format(
            espalier=shlex.quote(arguments.espalier), mergekit=shlex.quote(arguments.mergekit),
            model=shlex.quote(str(model)), recipe=shlex.quote(str(recipe)),
            output=shlex.quote(str(outputs[name]))))
        for name, template in templates.items()}
    rounds, (found, count, size) = run_rounds(
        commands, outputs, arguments.work, arguments.rounds)
    report = {
        "date": datetime.date.today().isoformat(), "equal": not found, "differences": found,
        "tensors": count, "bytes": size, "roundCount": arguments.rounds,
        "medians": {name: medians(values) for name, values in rounds.items()}, "rounds": rounds,
        "recipe": arguments.recipe.read_text(), "commands": templates,
        "mergekit": mergekit_version(arguments.mergekit),
        "machine": {"processor": processor_name(), "processors": os.cpu_count(),
                    "system": platform.platform()}}
    prefix = str(arguments.report or arguments.work / "report")
    pathlib.Path(prefix + ".json").write_text(json.dumps(report, indent=2) + "\n")
    pathlib.Path(prefix + ".md").write_text(markdown(report))
    for folder in outputs.values():
        shutil.rmtree(folder, ignore_errors=True)
    print(markdown(report))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
