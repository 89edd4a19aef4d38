// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Testing
import Training

@Suite("A growth's description") struct GrowthDescriptionTests {
  /// What a parameter reads of an argument; nil where it refuses it.
  private func read(_ parameter: GrowthParameter, _ argument: String) -> GrowthDescription? {
    var description = GrowthDescription()
    return parameter.set(WrittenValue(argument: argument), in: &description) ? description : nil
  }

  @Test("layers: a number, or a list of ranges")
  func layers() {
    #expect(read(.layers, "12")?.layers == .count(12))
    #expect(read(.layers, "0-2,1-3")?.layers == .sources([0, 1, 2, 1, 2, 3]))
    #expect(read(.layers, "0,0")?.layers == .sources([0, 0]))
    #expect(read(.layers, "0-1, 0")?.layers == .sources([0, 1, 0]))
    var quoted = GrowthDescription()
    #expect(!GrowthParameter.layers.set(.word("4"), in: &quoted))
    for text in ["", ",", "-1", "2-1", "0-", "-", "1-2-3", "a", "0-9999999", "0,", "1.5", "65537"] {
      #expect(read(.layers, text) == nil, "\(text)")
    }
  }

  @Test("heads and experts: a number, or a pair")
  func pairs() {
    #expect(read(.heads, "16")?.heads == HeadGrowth(queryHeads: 16))
    #expect(read(.heads, "16:4")?.heads == HeadGrowth(queryHeads: 16, keyValueHeads: 4))
    #expect(read(.experts, "8")?.experts == ExpertGrowth(count: 8, perToken: 2))
    #expect(read(.experts, "8:3")?.experts == ExpertGrowth(count: 8, perToken: 3))
    for text in ["", ":", "16:", ":4", "0", "16:0", "16:4:2", "-1", "x"] {
      #expect(read(.heads, text) == nil && read(.experts, text) == nil, "\(text)")
    }
  }

  @Test("schedules and durations")
  func training() {
    #expect(read(.schedule, "1.776")?.schedule == .ratio(1.776))
    #expect(read(.schedule, "2")?.schedule == .ratio(2))
    #expect(read(.schedule, "keep")?.schedule == .kept)
    for text in ["", "0.9", "nan", "inf", "-2", "later", "1e300"] {
      #expect(read(.schedule, text) == nil, "\(text)")
    }
    #expect(read(.rewarmup, "200 steps")?.rewarmup == .steps(200))
    #expect(read(.rewarmup, "0 steps")?.rewarmup == .steps(0))
    for text in ["", "200", "-1 steps", "3 minutes"] {
      #expect(read(.rewarmup, text) == nil, "\(text)")
    }
  }

  @Test("words are known in both spellings, numbers within their bounds")
  func words() {
    for text in ["identity-by-output", "identityByOutput"] {
      #expect(read(.block, text)?.block == .identityByOutput)
    }
    #expect(read(.block, "identitybyoutput") == nil)
    #expect(read(.noise, "-40")?.noise == -40 && read(.noise, "-41") == nil)
    #expect(read(.outputScale, "1e300") == nil)
    #expect(read(.outputScale, "0") == nil && read(.outputScale, "-0.5")?.outputScale == -0.5)
    #expect(read(.width, "0") == nil && read(.width, "2.0") == nil && read(.width, "65537") == nil)
  }

  /// A value that each parameter takes, other than its default.
  private static let values: [String: WrittenValue] = [
    "width": .integer(3), "hidden": .integer(48), "heads": .word("8:4"), "headSize": .integer(16),
    "ffn": .integer(256), "experts": .word("4:2"), "depth": .integer(2),
    "layers": .list([0, 0, 1]),
    "vocabulary": .integer(99), "context": .integer(64), "form": .word("divided"),
    "symmetry": .word("split"), "noise": .number(12.5), "learningRates": .word("smallTrajectory"),
    "units": .word("new"), "expertParts": .integer(2), "block": .word("copy"),
    "placement": .word("middle"), "outputScale": .number(0.5), "positions": .word("interpolated"),
    "moments": .word("resetNew"), "newRate": .number(0.5), "newRateSteps": .integer(9),
    "schedule": .number(1.5), "rewarmup": .word("7 steps"),
  ]

  @Test("what a parameter reads it writes, and nothing but its own field")
  func roundTrip() throws {
    var all = GrowthDescription()
    for parameter in GrowthDescription.parameters {
      let value = try #require(Self.values[parameter.name], "\(parameter.name)")
      var alone = GrowthDescription()
      #expect(parameter.set(value, in: &alone), "\(parameter.name)")
      #expect(parameter.written(in: alone) == value)
      #expect(alone.given.map(\.name) == [parameter.name])
      #expect(parameter.set(value, in: &all))
    }
    #expect(Set(GrowthDescription.parameters.map(\.name)).count == Self.values.count)
    #expect(all.given.count == Self.values.count)
  }

  @Test("defaults are those of the operators")
  func defaults() throws {
    for parameter in GrowthDescription.parameters {
      guard let value = parameter.defaultValue else { continue }
      var description = GrowthDescription()
      #expect(parameter.set(value, in: &description), "\(parameter.name)")
    }
    let width = WidthGrowth(factor: 2)
    var description = GrowthDescription()
    description.width = 2
    description.depth = 2
    let plans = try description.growth().plans(from: Self.model)
    #expect(try width.then(DepthGrowth(factor: 2)).plans(from: Self.model) == plans)
    #expect(try description.spelledOut.growth().plans(from: Self.model) == plans)
    #expect(description.options(seed: 3) == GrowthOptions(seed: 3))
  }

  private static let model = ModelConfiguration(
    architecture: .gpt2, layerCount: 2, hiddenSize: 16, headCount: 2, intermediateSize: 32,
    vocabularySize: 40, contextLength: 16, tiesHead: true)

  @Test("what is spelled out speaks of the sizes that are given")
  func spelledOut() {
    var description = GrowthDescription()
    description.depth = 2
    #expect(description.spelledOut.given.map(\.name) == ["depth", "block", "placement", "moments"])
    description.depth = nil
    description.width = 2
    #expect(
      description.spelledOut.given.map(\.name)
        == ["width", "form", "symmetry", "noise", "learningRates", "moments"])
    #expect(
      GrowthDescription().spelledOut.given.map(\.name)
        == [
          "form", "symmetry", "noise", "learningRates", "units", "block", "placement", "positions",
          "moments",
        ])
    description.symmetry = .split
    #expect(!description.spelledOut.given.map(\.name).contains("noise"))
  }

  @Test("a growth without sizes goes straight to the target, in the manner that is asked for")
  func straight() throws {
    var target = Self.model
    target.layerCount = 4
    target.contextLength = 32
    var description = GrowthDescription()
    description.block = .copy
    let plans = try description.growth(to: target).plans(from: Self.model)
    #expect(plans.last?.target == target)
    let layers = try #require(plans.first).layers
    #expect(layers == [.kept(0), .copy(0), .kept(1), .copy(1)])
  }

  @Test("what goes ill together names the parameter to change")
  func conflicts() {
    func conflict(
      _ spelling: GrowthParameter.Spelling, _ change: (inout GrowthDescription) -> Void
    ) -> String? {
      var description = GrowthDescription()
      change(&description)
      return description.conflict(spelling).map { "\($0.parameter.name): \($0.message)" }
    }
    #expect(
      conflict(.option) { ($0.depth, $0.layers) = (2, .count(4)) }
        == "layers: --depth and --layers both state the layers; give one of them")
    #expect(
      conflict(.key) { ($0.noise, $0.symmetry) = (3, .split) }
        == "noise: there is no noise with symmetry: split; remove one of them")
    #expect(
      conflict(.option) { ($0.layers, $0.placement) = (.sources([0, 0]), .middle) }
        == "placement: a list of --layers places them; remove --placement")
    #expect(
      conflict(.key) { $0.expertParts = 2 }
        == "expertParts: expertParts does nothing without experts"
    )
    #expect(
      conflict(.option) { ($0.outputScale, $0.depth) = (2, 2) }
        == "outputScale: --output-scale does nothing without --block copy")
    #expect(conflict(.key) { ($0.width, $0.depth) = (2, 2) } == nil)
  }

  @Test("the article on growing has the table of all parameters")
  func article() throws {
    let article = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Sources/Espalier/Espalier.docc/Growing.md")
    let text = try String(contentsOf: article, encoding: .utf8)
    for group in GrowthParameter.Group.allCases {
      let table = GrowthDescription.table(of: group)
      #expect(text.contains(table), "Growing.md lacks, or has otherwise:\n\(table)")
    }
  }
}
