// SPDX-License-Identifier: Apache-2.0
import Testing
import Training

@Suite("Patterns for tensors to be passed over") struct NamePatternsTests {
  private let model = [
    "transformer.wte.weight", "transformer.h.0.ln_1.weight", "transformer.h.0.attn.c_attn.weight",
    "transformer.h.0.attn.c_attn.bias", "transformer.h.1.ln_1.weight",
  ]

  @Test(
    "as few patterns as fit the strays and nothing else",
    arguments: [
      (["score.weight"], ["score.weight"]),
      (["v_head.summary.weight", "v_head.summary.bias"], ["v_head.summary.*"]),
      (
        ["transformer.h.0.attn.masked_bias", "transformer.h.1.attn.masked_bias"],
        ["transformer.h.*.attn.masked_bias"]
      ),
      (["extra.weight", "score.weight"], ["extra.weight", "score.weight"]),
      (["a.lora_A", "b.lora_A"], ["*.lora_A"]), (["odd[0].it's"], ["odd?0?.it?s"]),
    ])
  func patterns(_ strays: [String], _ expected: [String]) {
    let patterns = NamePatterns(covering: strays, without: model)
    #expect(patterns.shown == expected)
    #expect(patterns.hiddenCount == 0)
  }

  @Test("strays of too many kinds are counted")
  func many() {
    let strays = ["p.weight", "q.weight", "r.bias", "s.bias", "t.gain", "u.gain"]
    let patterns = NamePatterns(covering: strays, without: model)
    #expect(patterns.shown == ["p.weight", "q.weight", "r.bias", "s.bias"])
    #expect(patterns.hiddenCount == 2)
  }
}
