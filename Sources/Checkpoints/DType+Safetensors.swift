// SPDX-License-Identifier: Apache-2.0
import Tensors

extension DType {
  /// The type that safetensors calls by this name, or nil for one that tensors cannot hold.
  public init?(safetensorsName: String) {
    guard let match = DType.allCases.first(where: { $0.safetensorsName == safetensorsName }) else {
      return nil
    }
    self = match
  }

  /// The name in a safetensors header.
  public var safetensorsName: String {
    switch self {
    case .float64: "F64"
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .int64: "I64"
    case .int32: "I32"
    case .int16: "I16"
    case .int8: "I8"
    case .uint64: "U64"
    case .uint32: "U32"
    case .uint16: "U16"
    case .uint8: "U8"
    case .bool: "BOOL"
    }
  }

  /// The place of the type in a file: the Hugging Face library writes higher ranks first, so that
  /// wide elements stay aligned, and has a fixed order among types of one width.
  var layoutRank: Int {
    switch self {
    case .bool: 0
    case .uint8: 1
    case .int8: 2
    case .int16: 3
    case .uint16: 4
    case .float16: 5
    case .bfloat16: 6
    case .int32: 7
    case .uint32: 8
    case .float32: 9
    case .float64: 10
    case .int64: 11
    case .uint64: 12
    }
  }
}
