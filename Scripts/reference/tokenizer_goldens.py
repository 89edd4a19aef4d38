# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of the tokenizers: small tokenizer.json files of each family's structure and,
for many texts, the ids that the library `tokenizers` gives.

    python Scripts/reference/tokenizer_goldens.py

Writes Tests/TextTests/Goldens/tokenizers/. Needs `tokenizers` 0.23 (see manifest.json); the result
is the same each time.
"""

import base64
import hashlib
import json
import random
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

SEED = 20261124
OUT = Path(__file__).resolve().parents[2] / "Tests/TextTests/Goldens/tokenizers"

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def synthetic_text(rng, documents=160):
    """Documents of made-up words over several scripts, with numbers, marks and line breaks."""
    scripts = [
        "abcdefghijklmnopqrstuvwxyz", "aeiounrst", "éèüöäßñçåø", "абвгдежзийклмнопрст",
        "αβγδεζηθικλμνξοπρσ", "一二三四五六七八九十人大中国天地", "ひらがなかたかな", "กขคงจฉชซ",
        "अआइईउऊकखगघ", "ابتثجحخدذر", "가나다라마바사",
    ]
    words = []
    for script in scripts:
        for _ in range(40 if script[0] < "z" else 12):
            words.append("".join(rng.choice(script) for _ in range(rng.randint(1, 9))))
    words += ["don't", "I'LL", "we're", "it's", "The", "the", "and", "of", "2024", "1,234.5", "e\u0301"]
    weights = [1 / (1 + i % 97) for i in range(len(words))]
    joins = [" "] * 30 + [", ", ". ", "\n", "\n\n", "  ", "\t", " - ", " (", ") ", "🙂 ", "!\n"]
    result = []
    for _ in range(documents):
        parts = []
        for word in rng.choices(words, weights, k=rng.randint(20, 120)):
            parts += [word, rng.choice(joins)]
        result.append("".join(parts))
    return result


FIXED = [
    "", " ", "  ", "a", "Hello, world!", " Hello", "Hello ", "  Hello   world  ",
    "The quick brown fox's tail can't, won't, we're, I've, I'm, you'll, he'd.",
    "IT'S I'LL WE'RE I'VE I'M HE'D CAN'T 'S'T'RE'VE'M'LL'D 'sa 'ta 'rea", "'\u017f '\u017fa a'\u017f",
    "don\u2019t we\u2019re", "''s '''", "x'", "'", "'l", "'r", "'L", "'R",
    "123 1234 12345 1234567 1,234.56 3.14", "٠١٢٣٤٥ १२३४ ๑๒๓ ½ Ⅷ ① ²³ 〇 𝟘𝟙𝟚 百",
    "a1b22c333d4444", " 1 22  333", "e\u0301e\u0300 \u0301 a\u0323\u0307 a\u0307\u0323 \u1e9b\u0323",
    "\u212b \u00c5 A\u030a \u2126 ﬁ ﬃ \uac00 \u1100\u1161\u11a8 \u0344 \u0958 \u2adc",
    "👩‍👩‍👧‍👦 👨🏽‍🚀 🇩🇪🇫🇷 ❤️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🙂🙃", "日本語のテキストです。漢字、かな、カナ。", "你好,世界!今天天气很好。",
    "สวัสดีชาวโลก ภาษาไทย", "مرحبا بالعالم، كيف الحال؟", "नमस्ते दुनिया, क्या हाल है?", "Привет, мир! Ёлка.",
    "שלום עולם", "안녕하세요 세계", "\u05d0\u05b8\u05d1", "ქართული ენა", "Ελληνικά ΆΈΉ",
    "\x00\x01\x02\x07\x08\x1b[0m\x1c\x1d\x1e\x1f\x7f\x80\x85\x9f", "tab\tnew\nline\r\nreturn\rvt\x0bff\x0c",
    "\n", "\n\n", "\r\n\r\n", " \n", "\n ", " \n ", "a\n", "a \n", "a\n\n\n b", "a \n \n  b", "!\n\n!", "!!\r\n x",
    "\t\tx", " \tx", "\t x", "x\u00a0y\u1680z\u2000\u2001\u2002\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000w",
    "\u00a0x", " \u00a0x", "\u3000x", "\u200bx \ufeffy \u200c \u200d \u2060", "   \u3000\u3000a", "\u2028\u2028a\n\u2028b",
    "def f(x):\n    return x ** 2  # square\n\n\nclass A:\n\tpass\n", "https://example.com/a?b=c&d=%20#e",
    "{\"key\": [1, 2, 3], \"other\": null}", "<div class=\"a\">&amp;</div>", "---===***///\\\\\\", "...!!!???",
    "a" * 300, "ab" * 200, " " * 300, " " * 300 + "a", "\n" * 100 + "x", "1" * 100, "!" * 150, "é" * 100, "中" * 100,
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "▁", "▁▁a", "a▁b", " ▁ ▁", "▁ a", "<0x0A>", "<unk>",
    "Ġ Ċ ĠĠ", "\ufffd", "\ue000 \uf8ff \U000f0000 \U0010ffff \ufffe \uffff", "\u0378 \u1c89\ua7cb \U0001e5f1 \U00011de0 \U000323b0 \U00016ff4",
    "\u0fb8\u0f71\u0f80 \U0001d15e \U00011938 \U00011935\U00011930 \U0001611e\U0001611e", "\u0898a\u0334 a\u08ca\u0334 a\u0334\u0345\u0301",
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", " <|endoftext|> ", "<|endoftext", "<|endoftext|>>", "x<|end",
    "<mask> a <mask>b  <mask>  c\t<mask>\n", "<word> a<word> <word>b a<word>b .<word>. _<word> é<word> <word>\u0301 <word><word>",
    "<norm> A<norm>B  <norm>e\u0301", "<strip>  x  <strip> <strip>  <strip>y", "<né> <ne\u0301>", "<ab><abc><abcd <abx><a", "<plain>a<plain>  <plain>",
    "<s>a</s>", "</s>", "<s> a", " <s>", "<s>  <s>", "<|begin_of_text|>hi<|end_of_text|>", "<|im_start|>user\nhi<|im_end|>\n",
]


def fuzz_texts(rng, count=260):
    """Random texts over scalars, pieces that matter and added tokens."""
    pieces = [" ", " ", " ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "'", "’", "a", "the", "E", "é", "e\u0301", "1", "12", "٣", "½",
              "!", "...", "-", "▁", "中", "か\u3099", "ก", "\u0301", "\u200d", "🙂", "👩‍👧", "\u00a0", "\u3000", "\x00", "\u2028",
              "<|endoftext|>", "<mask>", "<word>", "<norm>", "<strip>", "<ab>", "<abc>", "<s>", "\uac00\u11a8", "\u1100\u1161", "İ", "ſ"]
    ranges = [(0x20, 0x7f), (0, 0x100), (0, 0x800), (0, 0x3000), (0x3000, 0xd7ff), (0xe000, 0x110000), (0x10000, 0x20000), (0x300, 0x370)]
    result = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 40)):
            if rng.random() < 0.7:
                parts.append(rng.choice(pieces))
            else:
                low, high = rng.choice(ranges)
                parts.append("".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 4))))
        result.append("".join(parts))
    return result


def invalid_bytes(rng, count=60):
    """Byte strings that are not UTF-8."""
    result = [b"\xff", b"a\xc3", b"\xc3(", b"\xe2\x82", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xf0\x28\x8c\xbc", b"\xed\xa0\x80",
              b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80\x80a", b"a\xe4\xb8b",
              b"\xe4\xb8\xad\xe4\xb8", b"\xf0\x90\x80", b"\xf1\x80\x80\xf1\x80\x80\x80", b"caf\xe9 ol\xe9"]
    for _ in range(count):
        text = bytearray("".join(rng.choice(["a", " ", "é", "中", "🙂", "\n"]) for _ in range(rng.randint(1, 20))).encode())
        for _ in range(rng.randint(1, 5)):
            if text and rng.random() < 0.5:
                del text[rng.randrange(len(text))]
            else:
                text.insert(rng.randrange(len(text) + 1), rng.randrange(256))
        result.append(bytes(text))
    return result


ADDED = [
    AddedToken("<mask>", lstrip=True, normalized=False, special=True),
    AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False, special=False),
    AddedToken("<word>", single_word=True, normalized=False, special=False),
    AddedToken("<norm>", normalized=True, special=False),
    AddedToken("<né>", normalized=True, special=False),
    AddedToken("<ab>", normalized=False, special=False),
    AddedToken("<abc>", normalized=False, special=True),
    AddedToken("<plain>", rstrip=True, normalized=True, special=False),
]


def add_tokens(tokenizer, special):
    for token in special:
        tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True)])
    for token in ADDED:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])


def byte_level(text, pre_tokenizer, size, normalizer=None, special=("<|endoftext|>",), extra=True, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(text, trainer)
    if extra:
        add_tokens(tokenizer, special)
    return tokenizer


def sentencepiece(text, size, rng, unknown=True, **parts):
    """A model over characters with byte fallback, its merges trained on metaspaced words."""
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False)
    base.train_from_iterator(text, trainer)
    trained = json.loads(base.to_str())["model"]
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    tokens += [t for t in trained["vocab"] if t not in tokens] + ["▁▁", "▁▁▁▁"]
    merges = [tuple(m) for m in trained["merges"]]
    merges += [("▁", "▁"), ("▁▁", "▁▁")]
    dropped = set(parts.pop("dropped", []))
    tokens = [t for t in tokens if t not in dropped]
    tokenizer = Tokenizer(models.BPE(
        vocab={t: i for i, t in enumerate(tokens)}, merges=merges,
        unk_token="<unk>" if unknown else None, fuse_unk=parts.pop("fuse_unk", True),
        byte_fallback=parts.pop("byte_fallback", True)))
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    add_tokens(tokenizer, [])
    return tokenizer


def llama_decoder():
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def families(rng):
    text = synthetic_text(rng)
    legacy = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    split = lambda regex: pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    smol = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    runs = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    llama3 = byte_level(text, split(LLAMA3), 800, ignore_merges=True, special=("<|begin_of_text|>", "<|end_of_text|>"))
    # Words of the vocabulary that no merge reaches, which only ignore_merges finds.
    data = json.loads(llama3.to_str())
    data["model"]["merges"] = [m for i, m in enumerate(data["model"]["merges"]) if i % 7 != 6 or i < 60]
    llama3 = Tokenizer.from_str(json.dumps(data))
    llama3.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", llama3.token_to_id("<|begin_of_text|>"))])])
    gpt2 = byte_level(text, pre_tokenizers.ByteLevel(add_prefix_space=False), 700)
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    yield "gpt2", gpt2
    yield "gpt2-prefix-space", byte_level(text, pre_tokenizers.ByteLevel(add_prefix_space=True), 500)
    yield "llama3", llama3
    yield "qwen2", byte_level(text, split(QWEN2), 700, normalizer=normalizers.NFC(), special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    yield "nfkd", byte_level(text, split(QWEN2), 400, normalizer=normalizers.NFKD())
    yield "smollm", byte_level(text, smol, 600)
    yield "digit-runs", byte_level(text, runs, 500)
    yield "llama2", sentencepiece(text, 600, rng, normalizer=legacy, decoder=llama_decoder(),
        post_processor=processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)]))
    yield "mistral", sentencepiece(text, 600, rng, pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False), decoder=llama_decoder())
    yield "metaspace-split", sentencepiece(text, 500, rng, pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="always"), decoder=decoders.Metaspace())
    yield "unknown-fused", sentencepiece(text, 450, rng, byte_fallback=False, normalizer=legacy, decoder=llama_decoder())
    yield "unknown-apart", sentencepiece(text, 450, rng, dropped=["<0xF0>", "<0x0A>", "<0xE0>"], fuse_unk=False, normalizer=legacy, decoder=llama_decoder())
    yield "unknown-dropped", sentencepiece(text, 450, rng, unknown=False, byte_fallback=False, fuse_unk=False, normalizer=legacy, decoder=llama_decoder())


def shrink(text):
    """A tokenizer.json without padding, so that the goldens stay small."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


def ids(tokenizer, texts, special):
    tokenizer.encode_special_tokens = not special
    return [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


def digest(values):
    """SHA-256 of ids as little-endian 32-bit integers."""
    return hashlib.sha256(b"".join(v.to_bytes(4, "little") for v in values)).hexdigest()


def long_words():
    """Words of 10^5 characters, made the same way by the tests."""
    return {"a": "a" * 100_000, "cycle": "".join(chr(97 + i * i % 26) for i in range(100_000)),
            "mixed": "".join(chr(0x4E00 + i * 7 % 500) for i in range(100_000)), "marks": "!?" * 50_000}


def class_members(pattern):
    pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed")
    rest = set()
    for base in range(0, len(SCALARS), 4096):
        chunk = "".join(map(chr, SCALARS[base:base + 4096]))
        for word, _ in pre_tokenizer.pre_tokenize_str(chunk):
            rest.update(map(ord, word))
    return [c for c in SCALARS if c not in rest]


def numeric_members():
    pre_tokenizer = pre_tokenizers.Digits(individual_digits=True)
    result = []
    for base in range(0, len(SCALARS), 4096):
        chunk = "a" + "a".join(map(chr, SCALARS[base:base + 4096])) + "a"
        result += [ord(w) for w, _ in pre_tokenizer.pre_tokenize_str(chunk) if len(w) == 1 and w != "a"]
    return sorted(result)


def word_members():
    tokenizer = Tokenizer(models.BPE(vocab={"x": 0}, merges=[]))
    tokenizer.add_tokens([AddedToken("#", single_word=True)])
    found = tokenizer.encode_batch([chr(c) + "#" for c in SCALARS])
    mark = tokenizer.token_to_id("#")
    return [c for c, e in zip(SCALARS, found) if mark not in e.ids and c != ord("#")]


def ranges(members):
    """Sorted scalars as [first, last] pairs."""
    result = []
    for c in members:
        if result and result[-1][1] == c - 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def form_digest(name):
    """SHA-256 over the form of each assigned scalar alone and between others."""
    normalizer = getattr(normalizers, name)()
    state = hashlib.sha256()
    for c in SCALARS:
        if 0x30000 <= c < 0xE0000 or c >= 0xE1000:
            continue
        for text in (chr(c), "a\u0323" + chr(c) + "\u0334\u0301"):
            state.update(normalizer.normalize_str(text).encode() + b"\n")
    return state.hexdigest()


def training(rng):
    """Merges of a small text, whose ties and rejoined tokens are many."""
    text = synthetic_text(rng, 60) + ["aaaa aaa aa abab ababab bababa " * 3, "", "x"]
    result = {"documents": text, "runs": []}
    for size, frequency, pattern in [(300, 2, "gpt2"), (1200, 2, "gpt2"), (5000, 1, "gpt2"), (900, 4, "llama3"), (900, 2, "qwen2")]:
        tokenizer = Tokenizer(models.BPE())
        byte_level_part = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern == "gpt2")
        regex = {"llama3": LLAMA3, "qwen2": QWEN2}.get(pattern)
        tokenizer.pre_tokenizer = byte_level_part if regex is None else pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated"), byte_level_part])
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.train_from_iterator(text, trainers.BpeTrainer(
            vocab_size=size, min_frequency=frequency, show_progress=False, special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        model = json.loads(tokenizer.to_str())["model"]
        result["runs"].append({
            "vocabularySize": size, "minimumFrequency": frequency, "pattern": pattern,
            "merges": [" ".join(m) for m in model["merges"]],
            "vocabulary": [t for t, _ in sorted(model["vocab"].items(), key=lambda e: e[1])]})
    return result


def bytes_tokenizer():
    """Bytes as ids 0 to 255 and the end of text as 256."""
    taken = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    spelled = {b: chr(b) for b in taken}
    spelled.update({b: chr(0x100 + i) for i, b in enumerate(b for b in range(256) if b not in taken)})
    tokenizer = Tokenizer(models.BPE(vocab={spelled[b]: b for b in range(256)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False, special=True)])
    return tokenizer


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    texts = FIXED + fuzz_texts(rng)
    broken = invalid_bytes(rng)
    inputs = [t.encode() for t in texts] + broken
    decoded = [b.decode("utf-8", errors="replace") for b in inputs]
    written = {}

    def write(name, content):
        (OUT / name).write_text(content, encoding="utf-8")
        written[name] = hashlib.sha256(content.encode()).hexdigest()

    write("texts.json", json.dumps([base64.b64encode(b).decode() for b in inputs], separators=(",", ":")))
    for name, tokenizer in families(rng):
        source = shrink(tokenizer.to_str())
        tokenizer = Tokenizer.from_str(source)
        special, plain = ids(tokenizer, decoded, True), ids(tokenizer, decoded, False)
        long = {k: digest(v) for k, v in zip(long_words(), ids(tokenizer, list(long_words().values()), True))}
        template = tokenizer.encode("", add_special_tokens=True).ids
        golden = {
            "vocabularySize": tokenizer.get_vocab_size(), "template": template, "long": long,
            "special": special, "plain": {i: p for i, (s, p) in enumerate(zip(special, plain)) if s != p},
            # Only what does not come back as it was.
            "decoded": {i: d for i, s in enumerate(special)
                        if (d := tokenizer.decode(s, skip_special_tokens=False)) != decoded[i]}}
        write(f"{name}.tokenizer.json", source)
        write(f"{name}.golden.json", json.dumps(golden, ensure_ascii=False, separators=(",", ":")))
        if name == "gpt2":
            model = json.loads(source)["model"]
            plain_files = Tokenizer(models.BPE(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]]))
            plain_files.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            write("gpt2-files.ids.json", json.dumps(ids(plain_files, decoded, False), separators=(",", ":")))
            write("vocab.json", json.dumps(model["vocab"], ensure_ascii=False, separators=(",", ":")))
            write("merges.txt", "#version: 0.2\n" + "\n".join(" ".join(m) for m in model["merges"]) + "\n")
    write("bytes.tokenizer.json", shrink(bytes_tokenizer().to_str()))
    write("bytes.ids.json", json.dumps(ids(bytes_tokenizer(), decoded, True), separators=(",", ":")))
    write("training.golden.json", json.dumps(training(rng), ensure_ascii=False, separators=(",", ":")))
    write("unicode.golden.json", json.dumps({
        "letter": ranges(class_members(r"\p{L}")), "mark": ranges(class_members(r"\p{M}")), "number": ranges(class_members(r"\p{N}")), "whitespace": ranges(class_members(r"\s")),
        "numeric": ranges(numeric_members()), "word": ranges(word_members()),
        "forms": {n: form_digest(n) for n in ("NFC", "NFD", "NFKC", "NFKD")}}, separators=(",", ":")))
    (OUT / "manifest.json").write_text(json.dumps({
        "generator": "Scripts/reference/tokenizer_goldens.py", "seed": SEED, "tokenizers": tokenizers.__version__,
        "python": sys.version.split()[0], "texts": len(inputs), "sha256": written}, indent=1) + "\n")


if __name__ == "__main__":
    main()
