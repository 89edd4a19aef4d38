# SPDX-License-Identifier: Apache-2.0
"""Times Espalier's tokenizer beside the Hugging Face library `tokenizers`, both in turn in one run.

    swift build -c release --package-path Benchmarks
    python Scripts/reference/bench_tokenizers.py [--corpus FILE.gz] [--json REPORT]

The corpus is GCIDE, the dictionary of Debian's package dict-gcide (40 MB of text), cut at line ends
into documents of about 4 kB. Prints medians; ids and merges of both sides are compared as well.
"""

import argparse
import datetime
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEPARATOR = "\x1e"
VOCABULARY = 32768


def documents(path, size=4096):
    """The corpus as texts of about `size` characters, cut at line ends."""
    opened = gzip.open(path) if str(path).endswith((".gz", ".dz")) else open(path, "rb")
    text = opened.read().decode("utf-8", errors="replace").replace(SEPARATOR, " ")
    result, start = [], 0
    while start < len(text):
        end = text.find("\n", start + size) + 1 or len(text)
        result.append(text[start:end])
        start = end
    return result


class Reference:
    """The other side, in a process of its own because its threads are fixed at its first use."""

    def __init__(self, path):
        self.texts = Path(path).read_bytes().decode().split(SEPARATOR)
        self.tokenizer = None

    def first(self, megabytes):
        total, count = 0, 0
        while count < len(self.texts) and total < megabytes * 1e6:
            total += len(self.texts[count].encode())
            count += 1
        return self.texts[:count]

    def run(self, command, *words):
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        if command == "train":
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
            trainer = trainers.BpeTrainer(
                vocab_size=int(words[0]), min_frequency=2, show_progress=False, special_tokens=["<|endoftext|>"],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
            start = time.perf_counter()
            tokenizer.train_from_iterator(self.texts, trainer)
            seconds = time.perf_counter() - start
            tokenizer.save(words[2])
            return {"seconds": seconds, "tokens": tokenizer.get_vocab_size()}
        if command == "load":
            start = time.perf_counter()
            self.tokenizer = Tokenizer.from_file(words[0])
            self.tokenizer.encode_special_tokens = True
            return {"seconds": time.perf_counter() - start}
        texts = self.first(float(words[0]))
        # The quickest that the library offers: no offsets.
        start = time.perf_counter()
        found = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        seconds = time.perf_counter() - start
        if command == "dump":
            import array
            with open(words[1], "wb") as file:
                for encoding in found:
                    array.array("i", encoding.ids).tofile(file)
        return {"seconds": seconds, "tokens": sum(len(e) for e in found)}


class Side:
    """A process that answers commands."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a side ended at {words}")
        return json.loads(line)


def worker(path):
    reference = Reference(path)
    for line in sys.stdin:
        print(json.dumps(reference.run(*line.split())), flush=True)


def binary():
    shown = subprocess.run(["swift", "build", "-c", "release", "--package-path", ROOT / "Benchmarks", "--show-bin-path"],
                           capture_output=True, text=True, check=True)
    return Path(shown.stdout.strip()) / "TokenizerBenchmark"


def commit():
    shown = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return shown.stdout.strip() or "unknown"


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="/usr/share/dictd/gcide.dict.dz")
    parser.add_argument("--binary", type=Path, help="TokenizerBenchmark, where it is built elsewhere")
    parser.add_argument("--megabytes", type=float, default=10, help="text for encoding")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of encoding")
    parser.add_argument("--trainings", type=int, default=3, help="rounds of training")
    parser.add_argument("--json", type=Path, help="where to write the report")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options.worker)
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Path(folder))


def compare(options, folder):
    import tokenizers
    texts = documents(options.corpus)
    corpus = folder / "documents"
    corpus.write_bytes(SEPARATOR.join(texts).encode())
    size = sum(len(t.encode()) for t in texts) / 1e6
    ours = Side([options.binary or binary(), corpus])
    theirs = {n: Side([sys.executable, __file__, "--worker", corpus], RAYON_NUM_THREADS=str(n)) for n in (1, 2)}
    times = {}

    def note(name, side, answer):
        times.setdefault(name, {}).setdefault(side, []).append(answer["seconds"])
        return answer

    for _ in range(options.trainings):
        for threads in (1, 2):
            name = f"train, {threads} thread{'s' if threads > 1 else ''}"
            note(name, "espalier", ours.ask("train", VOCABULARY, threads, folder / "ours.json"))
            note(name, "tokenizers", theirs[threads].ask("train", VOCABULARY, threads, folder / "theirs.json"))
    ours_model, theirs_model = (json.loads((folder / f).read_text())["model"] for f in ("ours.json", "theirs.json"))
    joined = [[m if isinstance(m, str) else " ".join(m) for m in model["merges"]] for model in (ours_model, theirs_model)]
    same_merges = joined[0] == joined[1] and ours_model["vocab"] == theirs_model["vocab"]
    note("load", "espalier", ours.ask("load", folder / "theirs.json"))
    for n, side in theirs.items():
        note("load", "tokenizers", side.ask("load", folder / "theirs.json"))
    for _ in range(options.rounds):
        for threads in (1, 2):
            name = f"encode, {threads} thread{'s' if threads > 1 else ''}"
            note(name, "espalier", ours.ask("encode", options.megabytes, threads))
            note(name, "tokenizers", theirs[threads].ask("encode", options.megabytes, threads))
    ours.ask("dump", options.megabytes, folder / "ours.ids")
    theirs[2].ask("dump", options.megabytes, folder / "theirs.ids")
    same_ids = (folder / "ours.ids").read_bytes() == (folder / "theirs.ids").read_bytes()
    report = {
        "date": datetime.date.today().isoformat(), "commit": commit(), "processor": processor(), "cores": os.cpu_count(),
        "tokenizers": tokenizers.__version__, "corpusMegabytes": round(size, 1), "encodedMegabytes": options.megabytes,
        "vocabulary": VOCABULARY, "seconds": times, "mergesEqual": same_merges, "idsEqual": same_ids}
    print(f"{size:.1f} MB in {len(texts)} documents; encoding {options.megabytes} MB; vocabulary {VOCABULARY}")
    print(f"{'':20}{'espalier':>12}{'tokenizers':>12}{'ratio':>8}   (seconds, medians)")
    for name, sides in times.items():
        mine, other = (statistics.median(sides[s]) for s in ("espalier", "tokenizers"))
        print(f"{name:20}{mine:12.3f}{other:12.3f}{other / mine:7.1f}x")
    if not (same_merges and same_ids):
        print("THE TWO SIDES DISAGREE")
    print(f"merges equal: {same_merges}; ids equal: {same_ids}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
