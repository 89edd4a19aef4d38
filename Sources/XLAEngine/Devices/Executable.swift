// SPDX-License-Identifier: Apache-2.0
import CPJRT
import Foundation
import StableHLO

/// A compiled program, which any thread may run.
package final class Executable: @unchecked Sendable {
  private let client: DeviceClient
  private let loaded: OpaquePointer
  private let argumentTypes: [TensorType]
  private let outputTypes: [TensorType]

  init(
    _ client: DeviceClient, _ loaded: OpaquePointer, arguments: [TensorType],
    outputs: [TensorType]
  ) {
    (self.client, self.loaded) = (client, loaded)
    (argumentTypes, outputTypes) = (arguments, outputs)
  }

  deinit { pjrt_executable_destroy(client.plugin.api, loaded) }

  /// Checks that the program returns what it was said to, since the plugin writes as many buffers.
  func checkOutputCount() throws(XLAEngineError) {
    var count = 0
    try client.plugin.check(
      pjrt_output_count(client.plugin.api, loaded, &count), "cannot describe a program")
    guard count == outputTypes.count else {
      throw XLAEngineError(
        .pluginFailure, "made a program of \(count) outputs; expected \(outputTypes.count)",
        subject: client.plugin.path)
    }
  }

  /// Starts the program; the outputs may still be computed when this returns.
  ///
  /// Arguments whose memory an output takes over are lost.
  package func run(_ arguments: [DeviceBuffer]) throws(XLAEngineError) -> [DeviceBuffer] {
    precondition(
      arguments.map(\.type) == argumentTypes,
      "arguments \(arguments.map(\.type)) for \(argumentTypes)")
    let pointers = arguments.map(\.buffer)
    var outputs = [OpaquePointer?](repeating: nil, count: outputTypes.count)
    let error = pjrt_execute(client.plugin.api, loaded, pointers, pointers.count, &outputs)
    try client.plugin.check(error, "cannot run a program")
    withExtendedLifetime(arguments) {}
    var results: [DeviceBuffer] = []
    for (output, type) in zip(outputs, outputTypes) {
      guard let output else {
        throw XLAEngineError(.pluginFailure, "gave back no \(type)", subject: client.plugin.path)
      }
      results.append(DeviceBuffer(client, output, type))
    }
    return results
  }

  /// The compiled program as bytes that the same plugin can load; nil where it cannot write it.
  func serialized() -> Data? {
    let api = client.plugin.api
    guard pjrt_serializes(api) else { return nil }
    var serialized = pjrt_serialized()
    if let error = pjrt_serialize(api, loaded, &serialized) {
      pjrt_error_destroy(api, error)
      return nil
    }
    defer { pjrt_serialized_destroy(&serialized) }
    return serialized.bytes.map { Data(bytes: $0, count: serialized.count) }
  }

  /// Bytes that the program takes on its device; nil where the plugin does not tell.
  package func memory() -> ProgramMemory? {
    guard pjrt_tells_memory(client.plugin.api) else { return nil }
    var memory = pjrt_memory()
    if let error = pjrt_memory_statistics(client.plugin.api, loaded, &memory) {
      pjrt_error_destroy(client.plugin.api, error)
      return nil
    }
    return ProgramMemory(
      arguments: Int(memory.arguments), outputs: Int(memory.outputs), aliases: Int(memory.aliases),
      temporaries: Int(memory.temporaries))
  }
}
