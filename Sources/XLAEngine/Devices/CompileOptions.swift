// SPDX-License-Identifier: Apache-2.0

/// What a plugin is told beside a program: the bytes of XLA's `CompileOptionsProto`.
///
/// Plugins end the process over options without a replica, so there is always one.
package struct CompileOptions {
  /// Copies of the program.
  package var replicaCount = 1
  /// Devices that share one copy.
  package var partitionCount = 1

  package init() {}

  /// Numbers of fields, from xla/pjrt/proto/compile_options.proto.
  private enum Field {
    static let buildOptions = 3
    static let replicaCount = 4
    static let partitionCount = 5
  }

  /// The message.
  package var bytes: [UInt8] {
    var build = ProtocolBufferWriter()
    build.write(replicaCount, field: Field.replicaCount)
    build.write(partitionCount, field: Field.partitionCount)
    var options = ProtocolBufferWriter()
    options.write(build, field: Field.buildOptions)
    return options.bytes
  }
}

/// Writes protocol buffers' wire format: the little of it that options need.
struct ProtocolBufferWriter {
  private(set) var bytes: [UInt8] = []

  private enum WireType: UInt64 { case number = 0, bytes = 2 }

  /// A field of a number.
  mutating func write(_ number: Int, field: Int) {
    writeTag(field, .number)
    writeVariable(UInt64(bitPattern: Int64(number)))
  }

  /// A field of a message.
  mutating func write(_ message: ProtocolBufferWriter, field: Int) {
    writeTag(field, .bytes)
    writeVariable(UInt64(message.bytes.count))
    bytes += message.bytes
  }

  private mutating func writeTag(_ field: Int, _ type: WireType) {
    writeVariable(UInt64(field) << 3 | type.rawValue)
  }

  /// Seven bits to a byte, the lowest first; all but the last have the eighth set.
  private mutating func writeVariable(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
