// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Whether a verification streams its models: as asked, or where all measurements would take more than
/// half of the memory.
package struct StreamingChoice {
  /// Whether it streams.
  package let streams: Bool
  /// What the user should know of a choice that was made for them; nil for none.
  package let note: String?

  /// Makes a choice.
  ///
  /// - Parameters:
  ///   - isAsked: what the user asked for; nil for nothing.
  ///   - parameterCount: of both models together.
  ///   - memory: the machine's, in bytes.
  package init(
    isAsked: Bool?, parameterCount: Int,
    memory: UInt64 = UInt64(clamping: MachineMemory.current.total)
  ) {
    let needed = GrowthVerification.memoryByteCount(parameterCount: parameterCount)
    let isTooMuch = UInt64(clamping: needed) > memory / 2
    streams = isAsked ?? isTooMuch
    note =
      isAsked == nil && isTooMuch
      ? "all measurements would take about \(Readable.bytes(needed)), more than half of the memory "
        + "(\(Readable.bytes(Int(clamping: memory)))): the models are streamed, and their function is "
        + "compared; --no-streaming measures everything"
      : nil
  }
}
