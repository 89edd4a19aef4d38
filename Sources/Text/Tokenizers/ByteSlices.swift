// SPDX-License-Identifier: Apache-2.0

/// Byte strings end to end in one array.
struct ByteSlices: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  init(_ slices: [[UInt8]]) {
    for slice in slices {
      bytes += slice
      ends.append(bytes.count)
    }
  }

  @inline(__always)
  func append(_ index: Int, to result: inout [UInt8]) {
    result.append(contentsOf: bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
  }
}
