// SPDX-License-Identifier: Apache-2.0
import Espalier
import EspalierCLI
import Testing

@Suite("Numbers of bytes") struct ByteCountRequestTests {
  @Test(
    arguments: [
      ("2GB", 2_000_000_000), ("500MB", 500_000_000), ("500 MB", 500_000_000),
      ("4GiB", 4 << 30), ("1.5gib", 3 << 29), ("5e9", 5_000_000_000), ("123", 123), ("7b", 7),
      ("3k", 3000), ("1 MiB", 1 << 20),
    ])
  func read(_ text: String, _ bytes: Int) {
    #expect(ByteCountRequest(argument: text)?.byteCount == bytes)
  }

  @Test(arguments: [
    "", "GB", "-1GB", "0", "0.1", "1e30GB", "nan", "inf", "2 XB", "2GBs", "0x10", "1  GB",
  ])
  func refused(_ text: String) { #expect(ByteCountRequest(argument: text) == nil) }
}
