// SPDX-License-Identifier: Apache-2.0
import Espalier
import EspalierCLI
import Testing

@Suite("Arguments of espalier grow") struct GrowthArgumentTests {
  @Test("layers: a number or a list of ranges")
  func layers() {
    #expect(LayerRequest(argument: "12") == .count(12))
    #expect(LayerRequest(argument: "0-2,1-3") == .sources([0, 1, 2, 1, 2, 3]))
    #expect(LayerRequest(argument: "0,0") == .sources([0, 0]))
    for text in ["", ",", "-1", "2-1", "0-", "-", "1-2-3", "a", "0-9999999", "0,", "1.5"] {
      #expect(LayerRequest(argument: text) == nil, "\(text)")
    }
  }

  @Test("heads, schedules and durations")
  func others() {
    #expect(HeadRequest(argument: "16")?.query == 16)
    #expect(HeadRequest(argument: "16:4")?.keyValue == 4)
    for text in ["", ":", "16:", ":4", "0", "16:0", "16:4:2", "-1"] {
      #expect(HeadRequest(argument: text) == nil, "\(text)")
    }
    #expect(ScheduleRequest(argument: "1.776") == .ratio(1.776))
    #expect(ScheduleRequest(argument: "keep") == .keep)
    for text in ["", "0.9", "nan", "inf", "-2", "later"] {
      #expect(ScheduleRequest(argument: text) == nil, "\(text)")
    }
    #expect(DurationRequest(argument: "200 steps")?.duration == .steps(200))
    for text in ["", "200", "0 steps", "3 minutes"] {
      #expect(DurationRequest(argument: text) == nil, "\(text)")
    }
  }
}

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
