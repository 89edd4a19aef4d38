// SPDX-License-Identifier: Apache-2.0
import GoldenModels
import StableHLO
import Tensors
import Testing
import Training
import XLAEngine

/// Buffers and programs on a plugin's device.
@Suite(
  "Devices", .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
struct DeviceTests {
  private let client: DeviceClient

  init() throws {
    client = try DeviceClient(PJRTPlugin.open(try #require(InstalledPlugin.path)))
  }

  private func run(
    _ inputs: [DeviceBuffer], _ body: ([Tensor]) -> [Tensor]
  ) throws -> [DeviceBuffer] {
    let function = FunctionBuilder()
    let outputs = body(inputs.map { function.argument($0.type) })
    let text = try function.module(named: "test", returning: outputs)
    return try client.compile(
      text, arguments: inputs.map(\.type), outputs: outputs.map(\.type)
    ).run(inputs)
  }

  @Test("Elements of every type come back as they went")
  func roundTrip() throws {
    let floats: [Float] = [1, -.infinity, 0.1, .leastNonzeroMagnitude, -0.0, 3e38]
    #expect(try client.upload(floats, TensorType(.float32, [2, 3])).floats() == floats)
    let words: [UInt32] = [0, .max, 0x8000_0000]
    #expect(
      try client.upload(words, TensorType(.uint32, [3])).elements(zero: UInt32(0)) == words)
    #expect(try client.upload([Float](), TensorType(.float32, [0, 3])).floats() == [])
    #expect(try client.upload([7.5], TensorType(.float64)).elements(zero: 0.0) == [7.5])
  }

  @Test("A program computes what it says")
  func arithmetic() throws {
    let x = try client.upload([1, 2, 3, 4, 5, 6] as [Float], TensorType(.float32, [2, 3]))
    let outputs = try run([x]) { arguments in
      let x = arguments[0]
      return [
        x.product(x, .init(summed: [(1, 1)])), x.largest(over: [0]), x.padded(after: 1, axis: 0),
        x.slice(at: x.function.constant(1, TensorType(.int32)), count: 2, axis: 1),
        x.compares(.greater, to: x.filled(with: 3)).selecting(x, otherwise: 0),
      ]
    }
    let expected: [[Float]] = [
      [14, 32, 32, 77], [4, 5, 6], [1, 2, 3, 4, 5, 6, 0, 0, 0], [2, 3, 5, 6], [0, 0, 0, 4, 5, 6],
    ]
    #expect(try outputs.map { try $0.floats() } == expected)
  }

  @Test("Rows of one number are added up, and a loop goes round as often as it should")
  func scatterAndLoop() throws {
    let rows = try client.upload([1, 2, 3, 4, 5, 6] as [Float], TensorType(.float32, [3, 2]))
    let numbers = try client.upload([2, 0, 2] as [Int32], TensorType(.int32, [3]))
    let outputs = try run([rows, numbers]) { arguments in
      let zeros = arguments[0].function.constant(0, TensorType(.float32, [3, 2]))
      let powers = arguments[0].function.loop(4, [arguments[0]]) { turn, values in
        [values[0] + turn.converted(to: .float32).broadcast(to: [3, 2])]
      }
      return [zeros.adding(arguments[0], at: arguments[1]), powers[0]]
    }
    #expect(try outputs[0].floats() == [3, 4, 0, 0, 6, 8])
    #expect(try outputs[1].floats() == [7, 8, 9, 10, 11, 12])
  }

  @Test("Text that is no program is an error with the plugin's words")
  func badText() throws {
    let error = #expect(throws: XLAEngineError.self) {
      try client.compile("module { func.func @main(", arguments: [], outputs: [])
    }
    #expect(error?.code == .pluginFailure)
    #expect(error?.message.hasPrefix("cannot compile a program: ") == true)
    // The plugin would write more buffers than there is room for.
    let function = FunctionBuilder()
    let x = function.argument(TensorType(.float32))
    let text = try function.module(named: "two", returning: [x, x])
    let count = #expect(throws: XLAEngineError.self) {
      try client.compile(text, arguments: [x.type], outputs: [x.type])
    }
    #expect(count?.message.contains("2 outputs") == true)
  }

  @Test("An argument whose memory an output took over is an error, not a crash")
  func donated() throws {
    let function = FunctionBuilder()
    let x = function.argument(TensorType(.float32, [2]))
    function.donate(x, to: 0)
    let text = try function.module(named: "donated", returning: [x + 1])
    let executable = try client.compile(text, arguments: [x.type], outputs: [x.type])
    let buffer = try client.upload([1, 2] as [Float], x.type)
    #expect(try executable.run([buffer])[0].floats() == [2, 3])
    #expect(throws: XLAEngineError.self) { try executable.run([buffer]) }
  }

  @Test("Random words are Philox's, and so are all dropouts' masks")
  func philox() throws {
    let key = DropoutKey(seed: 0x1234_5678_9ABC_DEF0, step: 1 << 33, microBatch: 3)
    for (stream, count) in [(0, 1), (7, 4), (2, 4099)] {
      let place = key.randomWords(stream: stream)
      let argument = try client.upload(
        [place.key0, place.key1, place.counter3], TensorType(.uint32, [3]))
      let words = try run([argument]) {
        [Philox4x32(key: $0[0], stream: stream).words(count)]
      }[0].elements(zero: UInt32(0))
      let philox = Philox(key0: place.key0, key1: place.key1)
      for (element, word) in words.enumerated() {
        let block = philox.words(
          SIMD4(UInt32(element / 4), 0, place.counter2, place.counter3))
        #expect(word == block[element % 4])
        let keeps = key.keeps(element: UInt64(element), stream: stream, rate: 0.3)
        #expect((Double(word) >= 0.3 * 0x1p32) == keeps)
      }
    }
  }
}
