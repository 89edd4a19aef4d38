// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("DType") struct DTypeTests {
  @Test("widths are those of the types' names", arguments: DType.allCases)
  func widths(dtype: DType) {
    let bits = Int(dtype.rawValue.filter(\.isNumber)) ?? 8
    #expect(dtype.byteWidth * 8 == bits)
    #expect(dtype.isFloatingPoint == dtype.rawValue.contains("float"))
  }
}
