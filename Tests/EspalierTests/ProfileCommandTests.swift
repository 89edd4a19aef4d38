// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Profiles of runs")
struct ProfileCommandTests {
  private func train(
    _ place: CommandWorkplace, _ name: String, _ options: [String]
  ) throws -> BuiltCommand.Result {
    let result = try BuiltCommand.run(
      ["run", "recipe.yaml", "-o", name, "--threads", "1", "--no-report"] + options, in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    return result
  }

  @Test("a profile names phases and operations, and changes nothing that is computed")
  func profile() throws {
    let place = try CommandWorkplace(recipe: .staged)
    let plain = try train(place, "plain", [])
    #expect(!plain.output.contains("operation of the steps"))
    let result = try train(place, "profiled", ["--profile"])
    for word in ["phase", "steps", "evaluation", "saving", "growth", "product dW", "AdamW"] {
      #expect(result.output.contains(word), "\(word)")
    }
    #expect(result.output.contains("profiled/profile.json; open it at"))
    #expect(try place.loggedSteps("profiled") == place.loggedSteps("plain"))
    #expect(try place.lastTensors("profiled") == place.lastTensors("plain"))

    let data = try Data(contentsOf: place.url.appending(path: "profiled/profile.json"))
    let profile = try JSONDecoder().decode(TrainingProfile.self, from: data)
    let steps = try #require(profile.phases.first { $0.phase == .steps })
    #expect(try steps.count == place.loggedSteps("profiled").count)
    #expect(profile.phases.first { $0.phase == .growth }?.count == 2)
    #expect((profile.peak ?? 0) > 0)
    // Everything that the engine does in the steps is a part of them.
    let operations = profile.operations.filter { $0.phase == .steps }
    #expect(operations.reduce(0) { $0 + $1.seconds } <= steps.seconds)
    #expect(profile.operations.contains { $0.phase == .evaluation })
  }

  @Test("a resume replaces the profile, and JSON names its file")
  func json() throws {
    let place = try CommandWorkplace()
    let limit = ["--profile", "--json", "--set", "stop.after=4 steps"]
    let first = try train(place, "run", limit)
    let summary = try JSONDecoder().decode(
      TrainingRunSummary.self, from: Data(first.output.utf8))
    let file = try #require(summary.profile)
    func steps() throws -> Int? {
      try JSONDecoder().decode(TrainingProfile.self, from: Data(contentsOf: URL(filePath: file)))
        .phases.first { $0.phase == .steps }?.count
    }
    #expect(try steps() == 4)
    let resumed = try BuiltCommand.run(
      ["run", "-o", "run", "--resume", "--profile", "--quiet", "--set", "stop.after=6 steps"],
      in: place.url)
    #expect(resumed.status == 0 && resumed.output.isEmpty, "\(resumed)")
    #expect(try steps() == 2)
  }
}
