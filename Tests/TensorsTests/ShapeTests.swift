// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Shape") struct ShapeTests {
  @Test("extents, rank, count and text") func basics() throws {
    let shape = try Shape(validating: [2, 3, 4])
    #expect(shape == [2, 3, 4])
    #expect(shape.rank == 3 && shape.elementCount == 24 && shape[1] == 3)
    #expect(shape.description == "[2, 3, 4]")
    #expect(try Shape(validating: []).elementCount == 1)
    #expect(try Shape(validating: [5, 0, 7]).elementCount == 0)
  }

  @Test(
    "extents from outside that cannot be are refused",
    arguments: [
      [-1], [3, -2], [-2, -3], [0, -1], [Int.max, 2], [1 << 32, 1 << 32], [Int.min],
      [Int.max, Int.max, 0], [0, Int.max, Int.max], [-1, 0],
    ])
  func refused(extents: [Int]) {
    #expect {
      try Shape(validating: extents)
    } throws: { error in
      (error as? TensorsError)?.code == .invalidShape && "\(error)".contains("\(extents)")
    }
  }

  @Test("the largest count that memory can address is a shape")
  func largest() throws {
    #expect(try Shape(validating: [Int.max]).elementCount == Int.max)
    #expect(try Shape(validating: [0, Int.max]).elementCount == 0)
  }
}
