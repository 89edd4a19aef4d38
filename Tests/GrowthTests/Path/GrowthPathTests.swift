// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Tensors
import Testing
import Training

@Suite("Paths") struct GrowthPathTests {
  static let model = SharingTests.model(.llama)

  @Test("a path of no growths leaves everything as it is")
  func empty() throws {
    let path = try GrowthPath([], of: Self.model)
    #expect(path.target == Self.model && path.steps.isEmpty)
    #expect(path.guarantees == Set(Guarantee.allCases))
    let state = try SharingTests.state(Self.model)
    let grown = try path.grown(values: state.parameters.map(\.value))
    for (one, other) in zip(grown, state.parameters) { #expect(place(one) == place(other.value)) }
    #expect(throws: GrowthError.self) { try GrowthPath([]) }
  }

  @Test("growths that do not follow each other are refused by name")
  func mismatch() throws {
    let wide = try WidthGrowth(factor: 2).plans(from: Self.model)
    let error = #expect(throws: GrowthError.self) { try GrowthPath(wide + wide) }
    #expect(error?.code == .mismatch && error?.subject == wide[0].operation)
    #expect(throws: GrowthError.self) { try GrowthPath(wide, of: SharingTests.model(.gpt2)) }
    let state = try SharingTests.state(SharingTests.model(.gpt2))
    #expect(throws: GrowthError.self) { try GrowthPath(wide).grown(state) }
  }

  @Test("paths are equal where they make the same of the same")
  func equality() throws {
    let growth = WidthGrowth(factor: 2).then(DepthGrowth(factor: 2))
    let path = try growth.path(from: Self.model)
    #expect(try path == GrowthPath(path.plans))
    #expect(try Set([path, growth.path(from: Self.model)]).count == 1)
    #expect(try path != growth.path(from: Self.model, options: GrowthOptions(seed: 1)))
    #expect(try path != WidthGrowth(factor: 2).path(from: Self.model))
    #expect(path.plans.map(\.target).last == path.target)
  }

  @Test("what one step makes and the next one copies is made once")
  func sharing() throws {
    let path = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).path(from: Self.model)
    let grown = try path.grown(SharingTests.state(Self.model))
    let specs = try path.target.program().parameters
    let places = zip(specs, grown.parameters).filter { $0.0.name.hasSuffix("mlp.up_proj.weight") }
      .map { place($0.1.value) }
    #expect(places.count == 4 && Set(places).count == 2)
  }

  private func place(_ tensor: HostTensor) -> UnsafeRawPointer? {
    tensor.withUnsafeBytes { $0.baseAddress }
  }
}
