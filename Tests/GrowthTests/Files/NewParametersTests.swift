// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Testing

struct NewParametersTests {
  private func source() throws -> GrowthSource {
    try GrowthSource(reading: FamilyGolden(name: "mistral").url)
  }

  private func layers(_ names: [String]) -> Set<Int> {
    Set(names.compactMap { $0.split(separator: ".").dropFirst(2).first.flatMap { Int($0) } })
  }

  @Test("all tensors of added blocks are new, and no others")
  func blocks() throws {
    let growth = try ModelGrowth(of: source(), by: MergeGolden(name: "llama-pro").recipe())
    let names = try growth.newParameterNames()
    #expect(layers(names) == [1, 3, 5])
    #expect(names.count == 3 * 9)
    let stacked = try ModelGrowth(
      of: source(), by: DepthGrowth(sources: [0, 1, 1, 2], block: .copy, copiesMoments: true))
    #expect(try layers(stacked.newParameterNames()) == [2])
  }

  @Test("what one growth adds stays new through the next")
  func composition() throws {
    let growth = try ModelGrowth(
      of: source(),
      by: DepthGrowth(to: 4, block: .freshIdentity, placement: .appended)
        .then(WidthGrowth(factor: 2)).then(DepthGrowth(sources: [0, 1, 2, 2, 3])))
    #expect(try layers(growth.newParameterNames()) == [3, 4])
    let wide = try ModelGrowth(of: source(), by: WidthGrowth(factor: 2))
    #expect(try wide.newParameterNames().isEmpty)
    let experts = try ModelGrowth(of: source(), by: ExpertGrowth(count: 4))
    let names = try experts.newParameterNames()
    #expect(names.count == 3 && names.allSatisfy { $0.contains("gate.weight") })
  }

  @Test("the names stand beside the weights")
  func file() throws {
    let (deep, wide) = (RecipeFolder(), RecipeFolder())
    defer { [deep, wide].forEach { $0.remove() } }
    let growth = try ModelGrowth(of: source(), by: DepthGrowth(factor: 2))
    try growth.write(to: deep.url)
    let file = deep.url.appending(path: "new_parameters.json")
    let object = try JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: file))
    #expect(try object == ["new_parameters": growth.newParameterNames()])
    // They are those of one growth: the next has its own.
    try ModelGrowth(of: GrowthSource(reading: deep.url), by: WidthGrowth(factor: 2))
      .write(to: wide.url)
    let names = try FileManager.default.contentsOfDirectory(atPath: wide.url.path)
    #expect(!names.contains("new_parameters.json"))
  }
}
