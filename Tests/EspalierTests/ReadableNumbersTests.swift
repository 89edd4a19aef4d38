// SPDX-License-Identifier: Apache-2.0
import EspalierCLI
import Testing

@Suite("Numbers as people read them")
struct ReadableNumbersTests {
  @Test(
    "counts have three digits and a suffix",
    arguments: [
      (0.0, "0"), (7, "7"), (999, "999"), (0.5, "0.50"), (999.6, "1.00k"), (1000, "1.00k"),
      (45_249, "45.2k"), (99_950, "100k"), (999_499, "999k"), (999_600, "1.00M"), (20e6, "20.0M"),
      (1.3e9, "1.30B"), (-45_249, "-45.2k"), (.nan, "–"),
    ])
  func counts(value: Double, text: String) {
    #expect(Readable.count(value) == text)
  }

  @Test(
    "units have prefixes",
    arguments: [
      (5.0, "5.00 "), (2.09e5, "209 k"), (4.82e10, "48.2 G"), (1.3e15, "1.30 P"), (9e18, "9.00 E"),
    ])
  func prefixes(value: Double, text: String) {
    #expect(Readable.scaled(value) == text)
  }

  @Test(
    "exact counts are grouped",
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345"),
      (Int.min, "-9,223,372,036,854,775,808"),
    ])
  func groups(value: Int, text: String) {
    #expect(Readable.exact(value) == text)
  }

  @Test("a counted noun is plural but for one")
  func countedNouns() {
    #expect(Readable.exact(1, of: "file") == "1 file")
    #expect(Readable.exact(0, of: "file") == "0 files")
    #expect(Readable.exact(12345, of: "file") == "12,345 files")
  }

  @Test(
    "times have two units",
    arguments: [
      (0.2, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (724, "12m 04s"), (3599.6, "1h 00m"),
      (12_000, "3h 20m"), (187_200, "2d 04h"), (.infinity, "–"),
    ])
  func times(seconds: Double, text: String) {
    #expect(Readable.time(seconds) == text)
  }

  @Test(
    "no number traps or takes a line of digits",
    arguments: [
      1e300, -1e300, 1.7e308, 1e15, -1e15, .leastNonzeroMagnitude, 0x1p63, -0x1p63, .infinity,
      -.infinity, .nan,
    ])
  func anyNumber(value: Double) {
    for text in [
      Readable.count(value), Readable.scaled(value), Readable.time(value), Readable.percent(value),
      Readable.exactPercent(value), Readable.loss(value),
    ] { #expect(!text.isEmpty && text.count < 24, "\(text)") }
  }

  @Test("what the usual form cannot show stands in powers of ten")
  func powers() {
    #expect(Readable.loss(1e300) == "1.000e+300" && Readable.loss(1e-9) == "1.000e-09")
    #expect(Readable.count(1e300) == "1.00e+300" && Readable.count(1e-9) == "1.00e-09")
    #expect(Readable.scaled(1e300) == "1.00e+300 " && Readable.loss(.nan) == "not finite")
    #expect(Readable.time(-1e300) == "–" && Readable.percent(.nan) == "–")
  }

  @Test("bytes, shares, losses")
  func others() {
    #expect(Readable.bytes(512) == "512 B")
    #expect(Readable.bytes(1_050_000) == "1.05 MB")
    #expect(Readable.percent(0.614) == "61%")
    #expect(Readable.loss(3.14159) == "3.1416")
  }

  @Test(
    "words that a shell would take apart are quoted",
    arguments: [
      ("runs/first-1.2", "runs/first-1.2"), ("my run", "'my run'"), ("", "''"),
      ("it's", "'it'\\''s'"), ("a\nb'\u{1B}", "$'a\\nb\\'\\u001b'"), ("$HOME", "'$HOME'"),
    ])
  func shellWords(word: String, quoted: String) {
    #expect(ShellWord.quoted(word) == quoted)
  }
}
