// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import SeededRandom
import Tensors
import Testing
import Text
import Training

/// However rows are shared out among cores, or read one by one from elsewhere, the state is the same.
struct SharingTests {
  /// Large enough that every matrix is several jobs, and with rows that are no multiple of a vector.
  static func model(_ architecture: Architecture) -> ModelConfiguration {
    ModelConfiguration(
      architecture: architecture, layerCount: 2, hiddenSize: 300, headCount: 6,
      intermediateSize: 700, vocabularySize: 611, contextLength: 40,
      rotary: architecture == .gpt2 ? nil : RotaryEmbedding(), tiesHead: true)
  }

  static func random(_ shape: Shape, seed: Int) -> HostTensor {
    var generator = SplitMix64(seed: UInt64(seed))
    return HostTensor(
      (0..<shape.elementCount).map { _ in Float.random(in: -0.1...0.1, using: &generator) },
      shape: shape)
  }

  static func state(_ model: ModelConfiguration) throws -> TrainingState {
    let specs = try model.program().parameters
    let tokens = try InMemoryTokens(
      Array(repeating: 0, count: model.contextLength + 1), vocabularySize: model.vocabularySize)
    let stream = try BatchStream(
      tokens, contextLength: model.contextLength, order: .sequential, seed: 0)
    var state = TrainingState(
      model: model,
      training: TrainingConfiguration(
        batch: BatchConfiguration(sequences: 8),
        schedule: LearningRateSchedule(peak: 6e-4, total: .steps(1000)),
        stop: StopConditions(after: .steps(1000))),
      values: specs.enumerated().map { random($1.shape, seed: 3 * $0) }, cursor: stream.cursor)
    for (index, spec) in specs.enumerated() {
      state.parameters[index].firstMoment = random(spec.shape, seed: 3 * index + 1)
      state.parameters[index].secondMoment = random(spec.shape, seed: 3 * index + 2)
      state.parameters[index].stepCount = 9
    }
    return state
  }

  /// Every row by itself, the last first, from rows that are copied to the scratch one by one.
  static func rowByRow(
    _ growth: TensorGrowth, _ part: StatePart, _ small: HostTensor?, _ options: GrowthOptions
  ) -> [Float] {
    let elements = small?.floats ?? []
    let shape = small?.shape
    let length = shape.map { $0[$0.rank - 1] } ?? 0
    let rows = shape.map { shape in
      TensorRows<Float>(count: shape.elementCount / length, length: length) { row, scratch in
        _ = scratch.update(from: elements[row * length..<(row + 1) * length])
        return UnsafeBufferPointer(scratch)
      }
    }
    let grower = TensorGrower(
      growth, part: part, source: rows, moments: options.moments, seed: options.seed)
    var result = [Float](repeating: .nan, count: grower.rowCount * grower.rowLength)
    var scratch = [Float](repeating: 0, count: length)
    result.withUnsafeMutableBufferPointer { target in
      scratch.withUnsafeMutableBufferPointer { scratch in
        for row in (0..<grower.rowCount).reversed() {
          let range = row * grower.rowLength..<(row + 1) * grower.rowLength
          grower.fill(
            row: row, into: UnsafeMutableBufferPointer(rebasing: target[range]), scratch: scratch)
        }
      }
    }
    return result
  }

  static let growths: [(String, any GrowthOperator)] = [
    ("width × 2", WidthGrowth(factor: 2)),
    ("width × 3, divided", WidthGrowth(factor: 3, form: .divided)),
    ("depth × 2", DepthGrowth(factor: 2)),
    ("depth × 2, fresh", DepthGrowth(factor: 2, block: .fresh)),
  ]

  @Test(arguments: growths.indices, [Architecture.gpt2, .llama])
  func rowsOneByOneAreTheWhole(_ index: Int, _ architecture: Architecture) throws {
    let state = try Self.state(Self.model(architecture))
    let (name, growth) = Self.growths[index]
    for moments in MomentPolicy.allCases {
      let options = GrowthOptions(seed: 5, moments: moments)
      let path = try growth.path(from: state.status.model, options: options)
      let step = try #require(path.steps.first)
      let grown = try path.grown(state)
      for (tensor, whole) in zip(step.tensors, grown.parameters) {
        let small = tensor.source.map { state.parameters[$0] }
        for (part, before, after) in [
          (StatePart.value, small?.value, Optional(whole.value)),
          (.firstMoment, small?.firstMoment, whole.firstMoment),
          (.secondMoment, small?.secondMoment, whole.secondMoment),
        ] {
          guard let after else { continue }
          let rows = Self.rowByRow(tensor, part, before, options)
          let isSame = rows.map(\.bitPattern) == after.floats.map(\.bitPattern)
          #expect(isSame, "\(name), \(tensor.target.name), \(part), \(moments)")
        }
      }
    }
  }

  @Test func growingTwiceGivesTheSameBits() throws {
    let state = try Self.state(Self.model(.gpt2))
    let growth = WidthGrowth(factor: 2).then(DepthGrowth(factor: 2))
    let first = try growth.grown(state)
    let second = try growth.grown(state)
    let other = try growth.grown(state, options: GrowthOptions(seed: 1))
    var differ = 0
    for (index, parameter) in first.parameters.enumerated() {
      #expect(parameter.value.floats == second.parameters[index].value.floats)
      differ += parameter.value.floats == other.parameters[index].value.floats ? 0 : 1
    }
    // Two layers have four noisy matrices each, of which two of each copy are taken over.
    #expect(differ == 2 * 4 + 2 * 2)
  }

  @Test func sumsDoNotDependOnTheSharing() {
    let tensor = Self.random(Shape([1000, 77]), seed: 1)
    let elements = tensor.floats
    elements.withUnsafeBufferPointer { elements in
      let rows = TensorRows(elements, length: 77)
      let roots = Set((0..<50).map { _ in rows.rootMeanSquare() })
      #expect(roots.count == 1)
      let squares = elements.reduce(0.0) { $0 + Double($1) * Double($1) }
      let expected = (squares / 77000).squareRoot()
      #expect(abs((roots.first ?? 0) - expected) < 1e-14 * expected)
      let means = Set((0..<50).map { _ in rows.meanRow() })
      #expect(means.count == 1)
      for column in 0..<77 {
        let sum = (0..<1000).reduce(0.0) { $0 + Double(elements[$1 * 77 + column]) }
        #expect(abs(Double(means.first?[column] ?? 0) - sum / 1000) < 1e-9)
      }
    }
  }

  /// What float64 proves is what float32 trains.
  @Test func bothPrecisionsDrawTheSameNoise() throws {
    let state = try Self.state(Self.model(.llama))
    let path = try WidthGrowth(factor: 2).path(
      from: state.status.model, options: GrowthOptions(seed: 3))
    let values = state.parameters.map(\.value)
    let float32 = try path.grown(values: values)
    let float64 = try path.grown(values: values.map { $0.floats.map(Double.init) })
    for (a, b) in zip(float32, float64) {
      let error = zip(a.floats, b).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(error < 1e-7)
    }
  }

  @Test func newBlocksStartAsTheInitializerSays() throws {
    let state = try Self.state(Self.model(.llama))
    let growth = DepthGrowth(factor: 2, block: .fresh, placement: .appended)
    let grown = try growth.grown(state, options: GrowthOptions(seed: 7))
    let program = try grown.status.model.program()
    let initializer = ParameterInitializer(seed: 7)
    for (spec, parameter) in zip(program.parameters, grown.parameters) where spec.layer ?? 0 > 1 {
      #expect(parameter.value.floats == initializer.tensor(for: spec).floats, "\(spec.name)")
    }
  }

  /// 10 decibels: the noise's mean square is a tenth of the weights'.
  @Test func noiseIsAsLoudAsAsked() throws {
    let state = try Self.state(Self.model(.gpt2))
    let path = try WidthGrowth(factor: 2).path(from: state.status.model)
    let step = try #require(path.steps.first)
    let grown = try path.grown(state)
    var matrices = 0
    for (tensor, after) in zip(step.tensors, grown.parameters) where tensor.noise != nil {
      let small = try #require(tensor.source.map { state.parameters[$0].value })
      let square = small.floats.reduce(0.0) { $0 + Double($1) * Double($1) }
      // The rows of the second input copy hold the small matrix and −N(0) or N(1) each, in runs.
      let shape = after.value.shape
      let floats = after.value.floats
      let run = try #require(tensor.axes[1].runs.first)
      var (sum, product) = (0.0, 0.0)
      for row in 0..<small.shape[0] {
        let above = row * shape[1]
        let below = (row + small.shape[0]) * shape[1]
        for column in run.range {
          let noise = Double(floats[below + column])
          sum += noise * noise
          product += abs(
            Double(floats[above + column]) + noise
              - Double(small.floats(row, column)))
        }
      }
      let expected = square / Double(small.shape.elementCount) / 10
      let measured = sum / Double(run.count * small.shape[0])
      #expect(abs(measured / expected - 1) < 0.05, "\(tensor.target.name)")
      #expect(product / Double(run.count * small.shape[0]) < 1e-7, "\(tensor.target.name)")
      matrices += 1
    }
    #expect(matrices == 8)
  }

  /// A slot is grown by the power of the gradient that it holds, whatever it is called.
  @Test(arguments: ["width", "depth"]) func slotsGrowByTheirPower(_ axis: String) throws {
    var state = try Self.state(Self.model(.llama))
    for index in state.parameters.indices {
      state.parameters[index].slots[.momentum] = state.parameters[index].firstMoment
    }
    let grown =
      axis == "width"
      ? try WidthGrowth(factor: 2).grown(state) : try DepthGrowth(factor: 2).grown(state)
    for parameter in grown.parameters {
      let momentum = parameter.slots[.momentum]?.floats
      #expect(momentum == parameter.firstMoment?.floats)
    }
    #expect(grown.parameters.contains { $0.slots[.momentum] != nil })
  }

  /// A tensor that no growth changes is not copied, and still its owner's alone once written.
  @Test func unchangedTensorsAreShared() throws {
    let state = try Self.state(Self.model(.gpt2))
    var grown = try DepthGrowth(factor: 2).grown(state)
    func place(_ tensor: HostTensor?) -> UnsafeRawPointer? {
      tensor?.withUnsafeBytes { $0.baseAddress }
    }
    for part in [\ParameterState.firstMoment, \.secondMoment] {
      let tensors = grown.parameters[0][keyPath: part]
      #expect(place(tensors) == place(state.parameters[0][keyPath: part]))
    }
    #expect(place(grown.parameters[0].value) == place(state.parameters[0].value))
    let before = state.parameters[0].value.floats
    grown.parameters[0].value.withUnsafeMutableBytes {
      $0.storeBytes(of: 42, as: Float.self)
    }
    #expect(state.parameters[0].value.floats == before)
    let wide = try WidthGrowth(factor: 2).grown(state)
    #expect(
      wide.parameters.allSatisfy { tensor in
        !state.parameters.contains { place($0.value) == place(tensor.value) }
      })
  }
}

extension HostTensor {
  /// One element of a float32 matrix.
  fileprivate func floats(_ row: Int, _ column: Int) -> Float {
    withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: 4 * (row * shape[1] + column), as: Float.self)
    }
  }
}
