// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("The engine that a run remembers")
struct RememberedEngineTests {
  @Test(
    "one that nobody knows is refused, and another can be named",
    arguments: ["gpu", "XLA", "xla:", "xla:nothere", "cpu "])
  func unknown(_ word: String) throws {
    let place = try CommandWorkplace()
    func train(_ options: String...) throws -> BuiltCommand.Result {
      try BuiltCommand.run(["train", "-o", "run", "--threads", "1"] + options, in: place.url)
    }
    #expect(try train("recipe.yaml", "--set", "stop.after=2 steps").status == 0)
    let file = place.url.appending(path: "run/run.json")
    var manifest = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    // Without a checksum, as older versions wrote it.
    manifest["checksum"] = nil
    manifest["engine"] = word
    try JSONSerialization.data(withJSONObject: manifest).write(to: file)
    let refused = try train("--resume", "--set", "stop.after=3 steps")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("run.json: engine: got \(word)"), "\(refused.errors)")
    #expect(try train("--resume", "--engine", "cpu").status == 0)
  }
}
