// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Whether a verification streams its models: as asked, or where all measurements would take more than
/// half of the memory.
public struct StreamingChoice: Sendable, Hashable {
  /// Whether it streams.
  public let streams: Bool
  /// Bytes that all measurements would take, where that is why it streams; nil where it was asked to, or
  /// does not.
  public let neededByteCount: Int?
  /// The machine's memory, in bytes.
  public let memory: UInt64

  /// Makes a choice.
  ///
  /// - Parameters:
  ///   - isAsked: what the user asked for; nil for nothing.
  ///   - parameterCount: of both models together.
  ///   - memory: the machine's, in bytes.
  public init(
    isAsked: Bool?, parameterCount: Int,
    memory: UInt64 = UInt64(clamping: MachineMemory.current.total)
  ) {
    let needed = GrowthVerification.memoryByteCount(parameterCount: parameterCount)
    let isTooMuch = UInt64(clamping: needed) > memory / 2
    streams = isAsked ?? isTooMuch
    neededByteCount = isAsked == nil && isTooMuch ? needed : nil
    self.memory = memory
  }
}
