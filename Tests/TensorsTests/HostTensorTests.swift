// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("HostTensor") struct HostTensorTests {
  @Test("zeros of every type, aligned", arguments: DType.allCases)
  func zeros(dtype: DType) {
    let tensor = HostTensor(zeros: [3, 5], dtype: dtype)
    #expect(tensor.byteCount == 15 * dtype.byteWidth && tensor.dtype == dtype)
    tensor.withUnsafeBytes { bytes in
      #expect(bytes.allSatisfy { $0 == 0 })
      #expect(UInt(bitPattern: bytes.baseAddress) % 64 == 0)
    }
  }

  @Test("tensors without elements and scalars")
  func small() throws {
    #expect(HostTensor(zeros: [0, 4]).byteCount == 0)
    #expect(try HostTensor(zeros: [0, 4]).view.convertedToFloat32().floats.isEmpty)
    #expect(HostTensor([2.5], shape: []).floats == [2.5])
    #expect(HostTensor([], shape: [0]).floats.isEmpty)
  }

  @Test("a copy changes alone")
  func copyOnWrite() {
    let original = HostTensor([1, 2, 3], shape: [3])
    var copy = original
    copy.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), as: Float.self) }
    #expect(original.floats == [1, 2, 3])
    #expect(copy.floats == [9, 2, 3])
  }

  @Test("a value without copies changes in place")
  func inPlace() {
    var tensor = HostTensor([1, 2], shape: [2])
    let before = tensor.withUnsafeBytes { $0.baseAddress }
    let after = tensor.withUnsafeMutableBytes { UnsafeRawPointer($0.baseAddress) }
    #expect(before == after)
  }

  @Test("a view keeps the bytes it was made of")
  func viewOutlives() throws {
    var tensor = HostTensor([1, 2], shape: [2])
    let view = try tensor.view
    tensor.withUnsafeMutableBytes { $0.storeBytes(of: Float(7), as: Float.self) }
    tensor = HostTensor(zeros: [1])
    #expect(HostTensor(copying: view).floats == [1, 2])
    #expect(view.withUnsafeBytes { $0.load(fromByteOffset: 4, as: Float.self) } == 2)
  }

  @Test("a view of the wrong number of bytes is refused")
  func wrongByteCount() throws {
    let tensor = HostTensor([1, 2], shape: [2])
    let view = try tensor.view
    for (dtype, shape) in [(DType.float32, Shape([3])), (.float16, [2]), (.float64, [2])] {
      #expect(throws: TensorsError.self) {
        try TensorView(dtype: dtype, shape: shape, bytes: view.bytes, owner: view.owner)
      }
    }
    let huge = try Shape(validating: [Int.max])
    #expect {
      try TensorView(dtype: .float64, shape: huge, bytes: view.bytes, owner: view.owner)
    } throws: {
      ($0 as? TensorsError)?.code == .byteCountMismatch
    }
  }
}
