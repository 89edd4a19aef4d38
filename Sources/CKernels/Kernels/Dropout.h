// SPDX-License-Identifier: Apache-2.0
//
// Dropout; included by Typed.h for each element type.

static void CK_TYPED(ck_dropout)(
    const CK_ELEMENT *x, CK_ELEMENT *y, size_t n, double rate, const ck_random *random,
    uint64_t first) {
  enum { CHUNK = 512 };
  if (!(rate > 0)) {
    if (x != y) memmove(y, x, n * sizeof *x);
    return;
  }
  const uint32_t dropped = CK(dropped_words)(rate);
  const float factor = (float)(1 / (1 - rate));
  for (size_t done = 0; done < n; done += CHUNK) {
    size_t count = n - done < CHUNK ? n - done : CHUNK;
    uint32_t words[CHUNK];
    CK(random_words)(random, first + done, (count + W - 1) / W * W, words);
    CK_FOR(i, m, count,
      vf scaled = CK_TYPED(get)(x + done + i, m) * factor;
      CK_TYPED(put)(y + done + i, CK(kept)(words + i, dropped) ? scaled : CK(splat)(0), m);
    );
  }
}
