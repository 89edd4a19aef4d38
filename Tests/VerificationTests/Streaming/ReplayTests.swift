// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing
import Verification

@Suite("What files hold beside what a growth makes") struct ReplayTests {
  private static let shape: Shape = [20_000, 8]
  private static let made = (0..<160_000).map { Double($0 % 7919) / 7919 - 0.5 }

  private func error(_ change: (inout [Double]) -> Void, _ type: DType = .bfloat16) -> Double? {
    var found = Self.made
    change(&found)
    return ReplayedTensor.worst(
      [found], against: [Self.made], specs: [("embedding", Self.shape)], type: type)?.value
  }

  @Test("one wrong row among twenty thousand is far beyond what rounding does")
  func wrongRow() throws {
    #expect(error { _ in } == 0)
    let replaced = try #require(error { $0.replaceSubrange(808..<816, with: $0[4000..<4008]) })
    #expect(replaced > 4 * 0x1p-8)
    let zeroed = try #require(
      error { $0.replaceSubrange(808..<816, with: repeatElement(0, count: 8)) })
    #expect(zeroed > 4 * 0x1p-8)
    #expect(error { $0[17] = .nan }?.isNaN == true)
  }

  @Test("rounding to bfloat16 stays within its unit")
  func rounded() throws {
    let rounded = try #require(
      error { $0 = $0.map { Double(Float(BFloat16(Float($0)))) } })
    #expect(rounded > 0 && rounded <= 0x1p-8)
  }

  @Test("rows below float16's normal range are no wrong ones")
  func tinyRows() throws {
    let made = [Double](repeating: 1.5e-7, count: 8)
    let found = [Double](repeating: 0x1p-23, count: 8)
    let error = try #require(
      ReplayedTensor.worst(
        [Self.made + found], against: [Self.made + made],
        specs: [("embedding", [20_001, 8])], type: .float16))
    #expect(error.value < 0x1p-11)
  }
}
