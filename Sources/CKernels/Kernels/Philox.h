// SPDX-License-Identifier: Apache-2.0
//
// Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), eight
// blocks at a time. Each word stands in the low half of a 64-bit lane: a round's product is one
// widening multiplication, and rubbish above it does no harm.

typedef uint64_t vl __attribute__((ext_vector_type(8)));

/// The 32 words of the eight blocks that begin with `block`.
CK_INLINE void CK(philox_words)(const ck_random *random, uint64_t block, uint32_t *words) {
  const uint64_t low = 0xFFFFFFFF;
  vl counter = (vl){0, 1, 2, 3, 4, 5, 6, 7} + block;
  vl a = counter & low, b = counter >> 32;
  vl c = (vl)((uint64_t)random->counter2), d = (vl)((uint64_t)random->counter3);
  uint32_t k0 = random->key0, k1 = random->key1;
  for (int round = 0; round < 10; round++) {
    vl p = (a & low) * 0xD2511F53u, q = (c & low) * 0xCD9E8D57u;
    a = (q >> 32) ^ b ^ (uint64_t)k0;
    b = q;
    c = (p >> 32) ^ d ^ (uint64_t)k1;
    d = p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  vl ab = (a & low) | (b << 32), cd = (c & low) | (d << 32);
  vl first = __builtin_shufflevector(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11);
  vl second = __builtin_shufflevector(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
  memcpy(words, &first, sizeof first);
  memcpy(words + 16, &second, sizeof second);
}

/// Words `first ..< first + n` of the stream.
CK_INLINE void CK(random_words)(
    const ck_random *random, uint64_t first, size_t n, uint32_t *words) {
  uint64_t block = first / 4;
  size_t skip = (size_t)(first % 4);
  for (size_t done = 0; done < n; block += 8, skip = 0) {
    if (skip == 0 && n - done >= 32) {
      CK(philox_words)(random, block, words + done);
      done += 32;
      continue;
    }
    uint32_t part[32];
    CK(philox_words)(random, block, part);
    size_t count = n - done < 32 - skip ? n - done : 32 - skip;
    memcpy(words + done, part + skip, count * sizeof(uint32_t));
    done += count;
  }
}

/// An element is kept where its word is greater than this; the rate is positive.
CK_INLINE uint32_t CK(dropped_words)(double rate) {
  double least_kept = ceil(rate * 4294967296.0);
  return least_kept >= 4294967296.0 ? UINT32_MAX : (uint32_t)least_kept - 1;
}

/// All bits set where the element of a word is kept.
CK_INLINE vi CK(kept)(const uint32_t *words, uint32_t dropped) {
  vu w;
  memcpy(&w, words, sizeof w);
  return w > (vu)(dropped);
}
