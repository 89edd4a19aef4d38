// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Tensors
import Training

extension ModelDirectory {
  /// All parameters, in the program's order.
  package func doubles() throws -> [[Double]] {
    try values().map { $0.floats.map(Double.init) }
  }
}

extension SafetensorsFile {
  /// The elements of a float32 or float64 tensor.
  package func doubles(_ name: String) throws -> [Double] {
    let view = try tensor(named: name)
    guard view.dtype == .float64 else {
      return try view.convertedToFloat32().floats.map(Double.init)
    }
    return view.withUnsafeBytes { bytes in
      (0..<view.shape.elementCount).map {
        bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)
      }
    }
  }
}
