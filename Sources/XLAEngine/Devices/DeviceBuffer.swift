// SPDX-License-Identifier: Apache-2.0
import CPJRT
import StableHLO
import Tensors

/// A tensor in a device's memory, or one that is still being computed; freed with its last holder.
package final class DeviceBuffer {
  package let type: TensorType
  let client: DeviceClient
  let buffer: OpaquePointer

  init(_ client: DeviceClient, _ buffer: OpaquePointer, _ type: TensorType) {
    (self.client, self.buffer, self.type) = (client, buffer, type)
  }

  deinit { pjrt_buffer_destroy(client.plugin.api, buffer) }

  /// Waits for the elements and copies them to memory that has room for just them.
  func download(into bytes: UnsafeMutableRawBufferPointer) throws(XLAEngineError) {
    precondition(
      bytes.count == type.elementCount * type.element.byteWidth, "\(bytes.count) bytes of \(type)")
    guard let base = bytes.baseAddress else { return }
    try client.plugin.check(
      pjrt_buffer_to_host(client.plugin.api, buffer, base, bytes.count), "computed no \(type)")
  }

  /// The elements, row-major.
  package func elements<Element: BitwiseCopyable>(
    zero: Element
  ) throws(XLAEngineError) -> [Element] {
    var result = [Element](repeating: zero, count: type.elementCount)
    let done = result.withUnsafeMutableBytes { bytes in
      Result { () throws(XLAEngineError) in try download(into: bytes) }
    }
    try done.get()
    return result
  }

  /// The elements of float32.
  package func floats() throws(XLAEngineError) -> [Float] { try elements(zero: Float(0)) }

  /// A float32 tensor of this memory.
  func tensor() throws -> HostTensor {
    try HostTensor(shape: Shape(type.extents)) { try download(into: $0) }
  }
}
