# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of tokenizers' folders: what `AutoTokenizer` gives with `tokenizer.json`, or
`vocab.json` and `merges.txt`, next to `tokenizer_config.json`, `special_tokens_map.json` and
`added_tokens.json`, whose keys are absent, null and set in turn; and what `tokenizers` gives with
variants of one `tokenizer.json`.

    python Scripts/reference/tokenizer_folder_goldens.py
    python Scripts/reference/tokenizer_folder_goldens.py --edits FILE [--count N] [--seed N]

Writes Tests/TextTests/Goldens/folders/. Needs transformers 5.24 and `tokenizers` 0.23; the result is
the same each time. The second form writes only random edits of files, for
`TOKENIZER_EDITS=FILE swift test --filter TokenizerEditTests`.
"""

import argparse
import copy
import hashlib
import json
import os
import random
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from tokenizer_goldens import LLAMA3, QWEN2  # noqa: E402

QWEN3_5 = QWEN2.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")

SEED = 20261130
OUT = Path(__file__).resolve().parents[2] / "Tests/TextTests/Goldens/folders"
transformers.utils.logging.set_verbosity(transformers.utils.logging.CRITICAL)

TEXTS = [
    "", "the cat", " the  cat's 1234 hats\n", "<s>the</s> cat", "the<|endoftext|>then", "a <x> b<x>c",
    "<tool>the <tool>", "x<pad>y<unk>z", "e\u0301 caf\u00e9 \u2581the", "the<|im_end|> <extra>", "\u4e2d <mask> <Cafe\u0301>",
]


# Marks by themselves, spaces around special tokens, and what a split at spaces sees.
OTHER_TEXTS = TEXTS + [
    "\u0915\u094d\u0937 x\u0338y \u0338 the\u0338 ,\u0338a\u0488!", "  the   cat \n the ", "a<s> the <mask>  cat</s>", "\u2581<PRE> the \u2581<MID>",
    "1234567 \u0663\u0664 12\u00b2", "<bos>the<eos> the <BOS_TOKEN>x<|startoftranscript|>",
]


def byte_alphabet():
    taken = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    spelled = {b: chr(b) for b in taken}
    spelled.update({b: chr(0x100 + i) for i, b in enumerate(b for b in range(256) if b not in taken)})
    return [spelled[b] for b in range(256)]


def join(pairs, tokens):
    merges = [tuple(p.split(" ")) for p in pairs]
    return tokens + [a + b for a, b in merges if a + b not in tokens], merges


def byte_level(front=(), pattern="gpt2", normalizer=None, ignore=False):
    tokens, merges = join(
        ["t h", "th e", "\u0120 the", "c a", "ca t", "\u0120 cat", "1 2", "12 3", "' s", "\u00c3 \u00a9"],
        list(front) + byte_alphabet())
    split = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pattern == "gpt2"}
    if pattern != "gpt2":
        split = {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}, split]}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": normalizer,
            "pre_tokenizer": split, "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
                      "fuse_unk": False, "byte_fallback": False, "ignore_merges": ignore,
                      "vocab": {t: i for i, t in enumerate(tokens)}, "merges": [" ".join(m) for m in merges]}}


def added(file, *contents, special=True, **more):
    vocabulary = file["model"]["vocab"]
    for content in contents:
        number = len(vocabulary) + sum(t["content"] not in vocabulary for t in file["added_tokens"])
        file["added_tokens"].append({
            "id": vocabulary.get(content, number), "content": content, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": not special, "special": special, **more})
    return file


def template(file, before=(), after=()):
    ids = {t["content"]: t["id"] for t in file["added_tokens"]}
    piece = lambda t: {"SpecialToken": {"id": t, "type_id": 0}}
    single = [piece(t) for t in before] + [{"Sequence": {"id": "A", "type_id": 0}}] + [piece(t) for t in after]
    file["post_processor"] = {"type": "TemplateProcessing", "single": single, "pair": single + [{"Sequence": {"id": "B", "type_id": 0}}],
                              "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in (*before, *after)}}
    return file


def sentencepiece(legacy, special=("<unk>", "<s>", "</s>")):
    tokens = [*special] + [f"<0x{b:02X}>" for b in range(256)] + list("\u2581thecaxyzbn'sf1234\u00e9")
    tokens, merges = join(["t h", "th e", "\u2581 the", "c a", "ca t", "\u2581 cat"], tokens)
    file = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None,
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                      "vocab": {t: i for i, t in enumerate(tokens)}, "merges": [" ".join(m) for m in merges]}}
    if legacy:
        file["normalizer"] = {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}
    else:
        file["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}
    return template(added(file, *special), ["<s>"] if "<s>" in special else [])


def bases():
    """Files of each family's structure by name, each with the type of its model and its class."""
    return {
        "gpt2": (added(byte_level(), "<|endoftext|>"), "gpt2", "GPT2Tokenizer"),
        "llama3": (template(added(byte_level(pattern=LLAMA3, ignore=True), "<|begin_of_text|>", "<|endoftext|>", "<|im_end|>"), ["<|begin_of_text|>"]),
                   "llama", "PreTrainedTokenizerFast"),
        "qwen": (added(byte_level(pattern=QWEN2, normalizer={"type": "NFC"}), "<|endoftext|>", "<|im_end|>"), "qwen3", "Qwen2Tokenizer"),
        "neox": (template(added(byte_level(["<|endoftext|>", "<|padding|>"], normalizer={"type": "NFC"}), "<|endoftext|>", "<|padding|>"), [], ["<|endoftext|>"]),
                 "gpt_neox", "GPTNeoXTokenizer"),
        "llama2": (sentencepiece(True), "llama", "LlamaTokenizer"),
        "mistral": (sentencepiece(False), "mistral", "LlamaTokenizer"),
        "llama-plain": (added(byte_level(["<unk>", "<s>", "</s>"]), "<unk>", "<s>", "</s>"), "llama", "LlamaTokenizerFast"),
    }


def other_bases():
    """Files for the other classes that make their parts anew; each has parts that are not the class's own."""
    gemma = sentencepiece(False, ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"])
    gemma.update(pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
                 normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
    gemma["decoder"]["decoders"].pop()
    bare = copy.deepcopy(gemma)
    bare.update(normalizer=None, added_tokens=[t for t in bare["added_tokens"] if t["content"] != "<mask>"])
    bare["model"]["vocab"].pop("<mask>")
    bare["model"]["vocab"] = {t: i for i, t in enumerate(bare["model"]["vocab"])}
    template(bare, ["<bos>"])
    infill = ["\u2581<PRE>", "\u2581<MID>", "\u2581<SUF>", "\u2581<EOT>"]
    whisper = ["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"]
    roberta = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    marks = byte_level(pattern=QWEN3_5)
    return {
        "codellama": (added(sentencepiece(True), *infill), "code_llama", "CodeLlamaTokenizer"),
        "codellama-plain": (sentencepiece(False), "llama", "CodeLlamaTokenizerFast"),
        "gemma": (template(gemma, ["<bos>"]), "gemma", "GemmaTokenizerFast"),
        "gemma-bare": (bare, "gemma", "GemmaTokenizer"),
        "cohere": (template(added(byte_level(["<PAD>", "<UNK>", "<CLS>", "<SEP>", "<MASK_TOKEN>", "<BOS_TOKEN>"], pattern=LLAMA3), "<BOS_TOKEN>"), ["<BOS_TOKEN>"]),
                   "cohere", "CohereTokenizerFast"),
        "qwen3_5": (added(marks, "<|endoftext|>", "<|im_end|>"), "qwen3_5", "Qwen2Tokenizer"),
        "qwen3_5-other": (added(byte_level(pattern=LLAMA3), "<|endoftext|>"), "qwen3", "Qwen3_5Tokenizer"),
        "roberta": (roberta_processing(added(byte_level(roberta, normalizer={"type": "NFKC"}), *roberta)), "roberta", "RobertaTokenizer"),
        "bart": (added(byte_level(roberta, pattern=LLAMA3), *roberta), "bart", "BartTokenizerFast"),
        "whisper": (added(byte_level(normalizer={"type": "NFC"}), *whisper), "whisper", "WhisperTokenizer"),
        "codegen": (added(byte_level(pattern=LLAMA3), "<|endoftext|>"), "codegen", "CodeGenTokenizer"),
    }


def roberta_processing(file):
    ids = {t["content"]: t["id"] for t in file["added_tokens"]}
    file["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", ids["</s>"]], "cls": ["<s>", ids["<s>"]],
                              "trim_offsets": True, "add_prefix_space": False}
    return file


OTHER_KEYS = {
    "tokenizer_class": ["PreTrainedTokenizerFast", "CLIPTokenizer"], "add_bos_token": [True, False], "add_eos_token": [True],
    "add_prefix_space": [True, False], "bos_token": ["<x>"], "unk_token": ["<x>"], "mask_token": ["<x>"], "sep_token": ["<x>"],
    "cls_token": ["<x>"], "prefix_token": ["<x>"], "fill_token": ["<tool>"], "additional_special_tokens": [["<tool>", "<extra>"]],
    "extra_special_tokens": [["<tool>"]], "predict_timestamps": [True], "legacy": [False],
}


def other_cases():
    for base, (_, model, kind) in other_bases().items():
        for form in ("json", "files"):
            if form == "files" and base not in ("roberta", "bart", "whisper", "codegen"):
                continue
            own = {"tokenizer_class": kind}
            label = f"{base} {form}"
            yield case(f"{label} class", base, form, model, {"tokenizer_config.json": own})
            yield case(f"{label} type", base, form, model, {"tokenizer_config.json": {}})
            yield case(f"{label} map", base, form, model, {"tokenizer_config.json": own, "special_tokens_map.json": {"eos_token": "<x>"}})
            for key, values in OTHER_KEYS.items():
                for value in [None, *values]:
                    yield case(f"{label} {key} {json.dumps(value)}", base, form, model, {"tokenizer_config.json": {**own, key: value}})
            if kind.startswith("CodeLlama"):  # lists the tokens of its own roles twice
                own = {**own, "prefix_token": "<x>"}
                for key, value in (("prefix_token", TOKEN), ("additional_special_tokens", None), ("extra_special_tokens", ["<tool>"]),
                                   ("extra_special_tokens", {"image_token": "<tool>"}), ("extra_special_tokens", {})):
                    yield case(f"{label} twice {key} {json.dumps(value)}", base, form, model, {"tokenizer_config.json": {**own, key: value}})
                for index, value in enumerate([{"prefix_token": None}, {"prefix_token": "<tool>"}, {"additional_special_tokens": ["<tool>"]},
                                               {"extra_special_tokens": ["<tool>"]}]):
                    yield case(f"{label} twice map {index}", base, form, model, {"tokenizer_config.json": own, "special_tokens_map.json": value})
                yield case(f"{label} map null", base, form, model, {"tokenizer_config.json": {"tokenizer_class": kind}, "special_tokens_map.json": {"prefix_token": None}})


TOKEN = {"__type": "AddedToken", "content": "<x>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
BARE = {"content": "<x>", "lstrip": False, "rstrip": True, "normalized": False, "single_word": False}
KEYS = {
    "tokenizer_class": ["PreTrainedTokenizerFast", "TokenizersBackend", "GPT2Tokenizer", "GPT2TokenizerFast", "LlamaTokenizer",
                        "LlamaTokenizerFast", "Qwen2Tokenizer", "GPTNeoXTokenizerFast", "NoSuchTokenizer"],
    "add_bos_token": [True, False], "add_eos_token": [True, False], "add_prefix_space": [True, False],
    "bos_token": ["<s>", "<x>", TOKEN], "eos_token": ["</s>", "<x>", "<|im_end|>", TOKEN], "unk_token": ["<unk>", "<x>"],
    "pad_token": ["<pad>", "<|endoftext|>"], "mask_token": ["<mask>", {**TOKEN, "content": "<mask>"}],
    "sep_token": ["<x>"], "image_token": ["<tool>", {**TOKEN, "content": "<tool>"}],
    "additional_special_tokens": [["<tool>", "<extra>"], [], [{**TOKEN, "content": "<extra>"}]],
    "extra_special_tokens": [["<tool>"], {"image_token": "<tool>"}, []],
    "added_tokens_decoder": [{}, {"300": {"content": "<x>", "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}},
                             {"900": {"content": "<tool>", "special": False}, "12": {"content": "<x>", "special": True, "lstrip": True}},
                             {"1": {"content": "the", "normalized": True}, "0": {"content": "<s>", "special": True}}],
    "clean_up_tokenization_spaces": [True, False], "split_special_tokens": [True, False], "legacy": [True, False],
    "model_max_length": [16, 1000000000000000019884624838656], "padding_side": ["left"],
}
MAPS = [{}, {"eos_token": "<x>"}, {"bos_token": BARE, "eos_token": {**BARE, "content": "</s>"}}, {"eos_token": None, "pad_token": "<pad>"},
        {"additional_special_tokens": ["<tool>", "<extra>"]}, {"unk_token": "<unk>", "image_token": "<tool>"}, {"extra_special_tokens": ["<tool>"]}]
ADDED = [{}, {"<x>": 400, "<tool>": 399}, {"<tool>": 270, "<|endoftext|>": 269}, {"<x>": 5, "the": 6, "<extra>": 1000}, {"</s>": 300, "<s>": 301}]


def case(name, base, form, model, files):
    return {"name": name, "base": base, "form": form, "config": {"model_type": model} if model else None, "files": files}


def cases(rng):
    for base, (_, model, kind) in bases().items():
        for form in ("json", "files"):
            if form == "files" and base in ("llama2", "mistral"):
                continue
            own = {"tokenizer_class": kind if form == "json" or kind.startswith(("GPT", "Qwen")) else "GPT2Tokenizer"}
            label = f"{base} {form}"
            if base != "neox":  # a lone file means what it says, and keeps its template
                yield case(f"{label} alone", base, form, model, {})
            yield case(f"{label} class", base, form, model, {"tokenizer_config.json": own})
            for key, values in KEYS.items():
                for value in [None, *values]:
                    if form == "files" and "Llama" in str(value):
                        continue  # reads tokenizer.model or tokenizer.json only, and so no vocabulary
                    yield case(f"{label} {key} {json.dumps(value)[:60]}", base, form, model, {"tokenizer_config.json": {**own, key: value}})
            for index, value in enumerate(MAPS):
                yield case(f"{label} map {index}", base, form, model, {"tokenizer_config.json": own, "special_tokens_map.json": value})
            for index, value in enumerate(ADDED):
                yield case(f"{label} added {index}", base, form, model, {"tokenizer_config.json": own, "added_tokens.json": value})
                if form == "files":
                    yield case(f"{label} added {index} alone", base, form, model, {"added_tokens.json": value})
    for index in range(300):
        base, (_, model, kind) = rng.choice(list(bases().items()))
        form = "json" if base in ("llama2", "mistral") else rng.choice(["json", "files"])
        settings = {"tokenizer_class": kind} if form == "json" and rng.random() < 0.7 else {}
        for key in rng.sample(list(KEYS), rng.randint(0, 6)):
            values = [v for v in KEYS[key] if form == "json" or "Llama" not in str(v)]
            settings[key] = rng.choice(values if key == "added_tokens_decoder" else [None, *values])
        files = {"tokenizer_config.json": settings}
        if rng.random() < 0.4:
            files["special_tokens_map.json"] = rng.choice(MAPS)
        if rng.random() < 0.4:
            files["added_tokens.json"] = rng.choice(ADDED)
        yield case(f"mixed {index}", base, form, model, files)


def write(folder, base, item):
    """Lays a case's files out."""
    if item["form"] == "json":
        (folder / "tokenizer.json").write_text(json.dumps(base))
    else:
        (folder / "vocab.json").write_text(json.dumps(base["model"]["vocab"]))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(m + "\n" for m in base["model"]["merges"]))
    if item["config"] is not None:
        (folder / "config.json").write_text(json.dumps(item["config"]))
    for name, content in item["files"].items():
        (folder / name).write_text(json.dumps(content))


def reference(base, item, texts):
    with tempfile.TemporaryDirectory() as path:
        write(Path(path), base, item)
        try:
            tokenizer = AutoTokenizer.from_pretrained(path)
            return {
                "class": type(tokenizer).__name__,
                "bare": [tokenizer(t, add_special_tokens=False)["input_ids"] for t in texts],
                "around": tokenizer("")["input_ids"], "around_text": tokenizer("the")["input_ids"],
                "bos": tokenizer.bos_token, "eos": tokenizer.eos_token,
                "decoded": [tokenizer.decode(tokenizer(t, add_special_tokens=False)["input_ids"]) for t in texts[:4]]}
        except Exception as error:  # noqa: BLE001 whatever it says, it is no tokenizer
            return {"error": f"{type(error).__name__}: {error}"[:100]}


def variants(rng):
    """Files whose added tokens have gaps, are reversed, meet holes, or whose unknown token is odd."""
    hole = byte_level()
    hole["model"]["vocab"].pop("\u00c3\u00a9")
    hole["model"]["merges"].pop()
    hole["model"]["vocab"]["hole"] = len(hole["model"]["vocab"]) + 3
    token = lambda content, number, **more: {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                                             "normalized": False, "special": True, **more}
    def make(name, tokens, base=None, **model):
        file = copy.deepcopy(base or byte_level())
        file["added_tokens"] = tokens
        file["model"].update(model)
        return {"name": name, "added_tokens": tokens, "model": model, "hole": base is not None}, file
    for pattern in (" ", "the", "  "):
        for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
            for invert in (False, True):
                item, file = make(f"split {pattern!r} {behavior} {invert}", [])
                split = {"type": "Split", "pattern": {"String": pattern}, "behavior": behavior, "invert": invert}
                item["pre_tokenizer"] = file["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, file["pre_tokenizer"] | {"use_regex": False}]}
                yield item, file
    yield make("gap", [token("<x>", 266), token("<tool>", 270), token("<s>", 300)])
    yield make("reversed", [token("<x>", 268), token("<tool>", 267), token("<s>", 266)])
    yield make("far", [token("<x>", 5_000_000), token("<tool>", 4_294_967_295)])
    yield make("taken", [token("<x>", 0), token("<tool>", 1)])
    yield make("same", [token("<x>", 266), token("<tool>", 266), token("<s>", 266)])
    yield make("twice", [token("<x>", 266), token("<x>", 267, special=False, normalized=True, rstrip=True), token("<tool>", 268)])
    yield make("empty", [token("", 266), token("<x>", 267)])
    yield make("known", [token("the", 3), token("<x>", 266), token("cat", 9, single_word=True)])
    yield make("hole", [token("<x>", 266), token("<tool>", 267), token("<s>", 268), token("</s>", 270), token("<pad>", 271)], hole)
    yield make("holder", [token("<x>", 0), token("<tool>", 1), token("<s>", 2), token("<pad>", 3), token("hole", 9), token("<unk>", 4)], hole)
    yield make("held", [token("hole", 9), token("<x>", 0), token("<tool>", 1), token("<s>", 2), token("<pad>", 3), token("<unk>", 4)], hole)
    yield make("unknown added", [token("<unk>", 266)], unk_token="<unk>")
    yield make("unknown absent", [], unk_token="<unk>")
    yield make("unknown empty", [], unk_token="")
    names = ["<x>", "<tool>", "<s>", "</s>", "<pad>", "<unk>", "the", "hole", "", "<mask>"]
    for index in range(120):
        tokens = [token(rng.choice(names), rng.choice([0, 5, 262, 266, 267, 268, 269, 270, 271, 400]), special=(s := rng.random() < 0.7),
                        normalized=rng.random() < (0.2 if s else 0.7), lstrip=rng.random() < 0.2, rstrip=rng.random() < 0.2,
                        single_word=rng.random() < 0.2) for _ in range(rng.randint(1, 8))]
        yield make(f"random {index}", tokens, hole if rng.random() < 0.5 else None)


POOL = [None, True, False, 0, 1, 2, -1, 3, 255, 266, 300, 2**31 - 1, 2**31, 2**32, 2**40, 2**70, 1.5, -0.0, 1e300, "", "a", "the", " ", "\u2581", "<x>",
        "<unk>", "<s>", "0", "ByteLevel", "BPE", "NFC", "NFKC", "Sequence", "Metaspace", "never", "always", "first", "Isolated", "Removed",
        [], {}, ["a", "b"], ["a"], [1], {"a": 1}, {"type": "NFC"}, {"type": "ByteLevel"}, {"type": "Digits", "individual_digits": True},
        {"type": "Replace", "pattern": {"String": "e"}, "content": "i"}, {"type": "Replace", "pattern": {"String": ""}, "content": "i"},
        {"type": "Prepend", "prepend": "x"}, {"type": "Prepend", "prepend": ""}, {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
        {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": False}, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        {"type": "Sequence", "normalizers": [{"type": "NFD"}]}, {"type": "Sequence", "pretokenizers": []}, {"type": "Sequence", "decoders": []},
        {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
        {"content": "<y>", "id": 7, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True},
        {"content": "cat", "id": 7, "single_word": True, "lstrip": True, "rstrip": True, "normalized": True, "special": False},
        {"content": "", "id": 7, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}]


def paths(node, path=()):
    """All places of a file, those of the vocabulary and the merges only now and then."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    many = len(node) > 40 if isinstance(node, (dict, list)) else False
    for index, (key, value) in enumerate(list(children)):
        if not many or index % 40 == 3 or index > len(node) - 5:
            yield from paths(value, path + (key,))


def edit(file, rng):
    """Changes a file in one place and says how."""
    path = rng.choice([p for p in paths(file) if p])
    node = file
    for key in path[:-1]:
        node = node[key]
    kind = rng.choice(["set", "set", "set", "set", "set", "set", "drop", "reverse", "twin", "key"])
    last = path[-1]
    alike = [v for v in POOL if type(v) is type(node[last]) or (node[last] is None and isinstance(v, dict)) or v is None]
    value = copy.deepcopy(rng.choice(alike if rng.random() < 0.9 else POOL))
    if kind == "drop":
        del node[last]
    elif kind == "reverse" and isinstance(node[last], list):
        node[last].reverse()
    elif kind == "reverse" and isinstance(node[last], dict):
        node[last] = dict(reversed(node[last].items()))
    elif kind == "twin" and isinstance(node, list):
        value = copy.deepcopy(node[last])
        node.append(value)
        return ["append", list(path[:-1]), copy.deepcopy(value)]
    elif kind == "key" and isinstance(node, dict) and isinstance(value, str):
        node[value] = node.pop(last)
        return ["key", list(path), value]
    else:
        node[last] = value
        return ["set", list(path), copy.deepcopy(value)]
    return [kind, list(path), None]


def edits(rng, count):
    """Files with one to three random changes, and what `tokenizers` gives; it may panic, too."""
    files = {n: f for n, (f, _, _) in bases().items() if n in ("gpt2", "llama3", "qwen", "llama2", "mistral")}
    for _ in range(count):
        name = rng.choice(list(files))
        file = copy.deepcopy(files[name])
        item = {"base": name, "edits": []}
        try:
            for _ in range(rng.choice([1, 1, 2, 3])):
                item["edits"].append(edit(file, rng))
        except (IndexError, TypeError):
            continue
        try:
            tokenizer = Tokenizer.from_str(json.dumps(file))
            tokenizer.no_truncation()
            tokenizer.no_padding()
            item["ids"] = [tokenizer.encode(t, add_special_tokens=False).ids for t in TEXTS]
            item["around"] = tokenizer.encode("the", add_special_tokens=True).ids
        except BaseException as error:  # noqa: BLE001 panics of Rust are no Exception
            item["error"] = str(error)[:60]
        yield item


def write_edits(path, rng, count):
    content = json.dumps({"texts": TEXTS, "bases": {n: f for n, (f, _, _) in bases().items()}, "cases": list(edits(rng, count))},
                         ensure_ascii=False, separators=(",", ":"))
    Path(path).write_text(content, encoding="utf-8")
    return content


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edits")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    if arguments.edits:
        write_edits(arguments.edits, random.Random(arguments.seed), arguments.count)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    written, count, errors = {}, 0, 0

    def store(name, value):
        content = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        (OUT / name).write_text(content, encoding="utf-8")
        written[name] = hashlib.sha256(content.encode()).hexdigest()

    def store_folders(name, files, items, texts):
        nonlocal count, errors
        results, shared, known = [], [], {}
        for item in items:
            golden = reference(files[item["base"]][0], item, texts)
            count, errors = count + 1, errors + ("error" in golden)
            key = json.dumps(golden, sort_keys=True)
            if key not in known:  # many cases give the same
                known[key] = len(shared)
                shared.append(golden)
            results.append({**item, "golden": known[key]})
        store(name, {"texts": texts, "bases": {n: f for n, (f, _, _) in files.items()}, "goldens": shared, "cases": results})

    store_folders("folders.json", bases(), cases(rng), TEXTS)
    store_folders("classes.json", other_bases(), other_cases(), OTHER_TEXTS)
    found = []
    for item, file in variants(rng):
        tokenizer = Tokenizer.from_str(json.dumps(file))
        item["ids"] = [tokenizer.encode(t, add_special_tokens=False).ids for t in TEXTS]
        if item.pop("hole"):
            item["vocab"] = "hole"
        found.append(item)
    hole = next(f for i, f in variants(random.Random(0)) if i["hole"])
    store("added.json", {"texts": TEXTS, "base": byte_level(), "hole": hole["model"], "cases": found})
    content = write_edits(OUT / "edits.json", random.Random(SEED), 250)
    written["edits.json"] = hashlib.sha256(content.encode()).hexdigest()
    (OUT / "manifest.json").write_text(json.dumps({
        "generator": "Scripts/reference/tokenizer_folder_goldens.py", "seed": SEED, "tokenizers": tokenizers.__version__,
        "transformers": transformers.__version__, "python": sys.version.split()[0], "folders": count, "errors": errors,
        "variants": len(found), "sha256": written}, indent=1) + "\n")


if __name__ == "__main__":
    main()
