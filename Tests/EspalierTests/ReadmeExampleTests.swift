// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// The README's example of the library, run as it stands there.
@Suite struct ReadmeExampleTests {
  private func example(in folder: URL) throws -> TrainingRunSummary {
    // README: begin
    let recipe = try RecipeFile(contentsOf: folder.appending(path: "recipe.yaml"))
    let run = try TrainingRun.create(folder.appending(path: "run"), recipe: recipe)
    let engine = CPUTrainingEngine()
    let summary = try run.train(engine: engine) { event in
      if case .evaluation(let record) = event {
        print("step \(record.step): validation loss \(record.validationLoss)")
      }
    }
    // README: end
    return summary
  }

  private static let recipe = """
    version: 1
    seed: 7
    model: {architecture: gpt2, layers: 1, hidden: 16, heads: 2, context: 16}
    tokenizer: {kind: bytes}
    data: {train: [corpus.txt], validation: {fraction: 0.1}}
    batch: {sequences: 4}
    schedule: {kind: constant, peak: 1e-2}
    evaluate: {every: 10 steps, batches: 2}
    stop: {after: 20 steps}
    """

  @Test func trainsAndSaves() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "espalier-readme-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Self.recipe.write(
      to: folder.appending(path: "recipe.yaml"), atomically: true, encoding: .utf8)
    let text = String(
      repeating: "An espalier is a tree trained to grow along a frame.\n", count: 50)
    try text.write(to: folder.appending(path: "corpus.txt"), atomically: true, encoding: .utf8)

    let summary = try example(in: folder)

    #expect(summary.outcome == .finished)
    #expect(summary.steps == 20)
    // Guessing among the byte tokenizer's 257 tokens costs ln 257 = 5.55 nats.
    let loss = try #require(summary.validationLoss)
    #expect(loss < 5)
    let checkpoint = try #require(summary.checkpoint)
    #expect(FileManager.default.fileExists(atPath: checkpoint + "/model.safetensors"))
  }

  @Test func theReadmeHasThisCode() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    let begin = try #require(lines.firstIndex { $0 == "    // README: begin" })
    let end = try #require(lines.firstIndex { $0 == "    // README: end" })
    let code = lines[(begin + 1)..<end].map { $0.dropFirst(4) }.joined(separator: "\n")
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    #expect(readme.contains("```swift\n\(code)\n```"))
  }
}
