// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Growth
import Tensors
import Testing
import Training

/// Checkpoints as models for others.
@Suite("Exported models") struct ModelExportTests {
  private static let model = ModelConfiguration(
    architecture: .llama, layerCount: 2, hiddenSize: 8, headCount: 2, intermediateSize: 12,
    vocabularySize: 16, contextLength: 8, rotary: RotaryEmbedding(), tiesHead: false)

  /// A checkpoint with a tokenizer and more beside it.
  private func checkpoint(
    _ folder: TestFolder, _ change: (inout TrainingState) -> Void = { _ in }
  ) throws -> GrowthSource {
    var state = try SharingTests.state(Self.model)
    for index in state.parameters.indices {
      state.parameters[index].secondMoment = state.parameters[index].secondMoment.map {
        HostTensor($0.floats.map(\.magnitude), shape: $0.shape)
      }
    }
    change(&state)
    let whole = state
    try CheckpointDirectory.write(to: folder["run/checkpoints/step-00000000"]) { writer in
      try whole.write(to: writer, tokenizer: Data("{}".utf8))
      try writer.write(Data("{\"top_k\": 3}".utf8), to: "generation_config.json")
      try writer.write(Data("{\"model_max_length\": 8}".utf8), to: "tokenizer_config.json")
    }
    return try GrowthSource(reading: folder["run"])
  }

  private func names(_ url: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
  }

  @Test(
    "a model of which transformers would compute another function is refused, or written and told")
  func ownKeys() throws {
    let folder = TestFolder()
    var model = Self.model
    model.logitScale = 0.5
    var state = try SharingTests.state(model)
    state.status.model = model
    let scaled = state
    try CheckpointDirectory.write(to: folder["scaled"]) {
      try scaled.write(to: $0, tokenizer: nil)
    }
    let source = try GrowthSource(reading: folder["scaled"])
    let error = #expect(throws: GrowthError.self) { try ModelExport(of: source) }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("espalier_logit_scale (0.5)") == true)
    #expect(error?.message.contains("--own-keys") == true)
    let export = try ModelExport(of: source, foreignFunction: .allow)
    #expect(try export.functionWarning?.contains("computes another function") == true)
    try export.write(to: folder["out"])
    #expect(try ModelDirectory(reading: folder["out"]).configuration.model.logitScale == 0.5)
    // Dropout of our own changes no function.
    model.logitScale = 1
    model.dropout = DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)
    #expect(try HuggingFaceConfiguration.ownKeys(of: model).isEmpty)
  }

  @Test(
    "weights of each type, in files of a size, with what belongs to the model and nothing else",
    arguments: [DType.float32, .bfloat16, .float16, .float64], [nil, 2000])
  func types(_ type: DType, _ size: Int?) throws {
    let folder = TestFolder()
    let source = try checkpoint(folder)
    try ModelExport(of: source).write(
      to: folder["out"], .init(type: type, maximumShardByteCount: size))
    try CheckpointDirectory.verify(folder["out"])
    let found = try names(folder["out"]).filter { !$0.hasPrefix("model") }
    #expect(
      found == [
        "config.json", "generation_config.json", "manifest.json", "tokenizer.json",
        "tokenizer_config.json",
      ])
    let written = try ModelDirectory(reading: folder["out"])
    #expect(written.configuration.weightType == type)
    #expect((written.tensors is ShardedTensors) == (size != nil))
    for (name, value) in zip(written.tensorNames, try source.directory.values()) {
      let tensor = HostTensor(copying: try written.tensors.tensor(named: name))
      #expect(tensor.data == (try value.converted(to: type)).data, "\(name)")
    }
  }

  @Test("without a type weights stay what they are, and config.json says what that is")
  func ownType() throws {
    let folder = TestFolder()
    let source = try checkpoint(folder)
    try ModelExport(of: source).write(to: folder["half"], .init(type: .bfloat16))
    // A configuration that says something else than the weights.
    let file = folder.file("half/config.json")
    try String(contentsOf: file, encoding: .utf8).replacing("bfloat16", with: "float32")
      .write(to: file, atomically: true, encoding: .utf8)
    try FileManager.default.removeItem(at: folder.file("half/manifest.json"))
    try ModelExport(of: GrowthSource(reading: folder["half"])).write(to: folder["again"])
    let again = try ModelDirectory(reading: folder["again"])
    #expect(again.configuration.weightType == .bfloat16)
    #expect(
      try Data(contentsOf: folder.file("again/model.safetensors"))
        == Data(contentsOf: folder.file("half/model.safetensors")))
  }

  @Test("a number beyond a type's range is an error that names it")
  func overflow() throws {
    let folder = TestFolder()
    let source = try checkpoint(folder) {
      $0.parameters[1].value = $0.parameters[1].value.replacing(5, with: -70000)
    }
    let name = try source.model.program().parameters[1].name
    let error = #expect(throws: GrowthError.self) {
      try ModelExport(of: source).write(to: folder["out"], .init(type: .float16))
    }
    #expect(error?.subject == name)
    for text in ["-70000.0", "float16", "65504"] {
      #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
    #expect(try names(folder.url) == ["run"])
    try ModelExport(of: source).write(to: folder["out"], .init(type: .bfloat16))
  }

  @Test("the largest float32 is beyond bfloat16; what rounds down to the largest half is not")
  func edges() throws {
    let folder = TestFolder()
    let source = try checkpoint(folder) {
      $0.parameters[0].value = $0.parameters[0].value.replacing(0, with: .greatestFiniteMagnitude)
    }
    let error = #expect(throws: GrowthError.self) {
      try ModelExport(of: source).write(to: folder["out"], .init(type: .bfloat16))
    }
    #expect(error?.message.contains("bfloat16") == true)
    let other = TestFolder()
    let edge = try checkpoint(other) {
      $0.parameters[0].value = $0.parameters[0].value.replacing(0, with: 65519)
    }
    try ModelExport(of: edge).write(to: other["out"], .init(type: .float16))
  }

  @Test(
    "weights and moments that are not finite are refused by name",
    arguments: [Float.nan, .infinity])
  func notFinite(_ value: Float) throws {
    let folder = TestFolder()
    let source = try checkpoint(folder) {
      $0.parameters[2].value = $0.parameters[2].value.replacing(9, with: value)
    }
    let error = #expect(throws: GrowthError.self) {
      try ModelExport(of: source).write(to: folder["out"])
    }
    let name = try source.model.program().parameters[2].name
    #expect(error?.subject.contains(name) == true, "\(error?.description ?? "")")
    let other = TestFolder()
    let moments = try checkpoint(other) {
      $0.parameters[2].secondMoment = $0.parameters[2].value
      $0.parameters[2].firstMoment = $0.parameters[2].value.replacing(9, with: value)
      $0.parameters[2].secondMoment = HostTensor(
        zeros: $0.parameters[2].value.shape)
    }
    #expect(throws: GrowthError.self) {
      try ModelExport(of: moments, optimizer: .torch).write(to: other["out"])
    }
    #expect(throws: Never.self) { try ModelExport(of: moments).write(to: other["out"]) }
  }

  @Test("weights alone have no optimizer's state")
  func withoutState() throws {
    let folder = TestFolder()
    try ModelExport(of: try checkpoint(folder)).write(to: folder["out"])
    let source = try GrowthSource(reading: folder["out"])
    let error = #expect(throws: GrowthError.self) {
      try ModelExport(of: source, optimizer: .torch)
    }
    #expect(error?.message.contains("holds weights alone") == true)
  }

  @Test("what is there stays: other directories, models, and a user's files")
  func targets() throws {
    let folder = TestFolder()
    let source = try checkpoint(folder)
    let export = try ModelExport(of: source)
    func message(_ target: String, overwrites: Bool = false) -> String {
      do {
        try export.write(to: folder.file(target), .init(overwrites: overwrites))
        return ""
      } catch { return "\(error)" }
    }
    try FileManager.default.createDirectory(at: folder["mine"], withIntermediateDirectories: true)
    #expect(message("mine").isEmpty)
    #expect(message("mine").contains("--overwrite"))
    #expect(message("mine", overwrites: true).isEmpty)
    try Data("notes".utf8).write(to: folder.file("mine/notes.txt"))
    #expect(message("mine", overwrites: true).contains("holds notes.txt, which its manifest.json"))
    #expect(FileManager.default.fileExists(atPath: folder.file("mine/notes.txt").path))
    #expect(message("run", overwrites: true).contains("which is read"))
    try Data().write(to: folder.file("file"))
    #expect(message("file", overwrites: true).contains("no directory"))
    try FileManager.default.createDirectory(at: folder["other"], withIntermediateDirectories: true)
    try Data().write(to: folder.file("other/a"))
    #expect(message("other", overwrites: true).contains("not a model's directory"))
  }

  @Test("an export that is cancelled goes on, and gives the same bytes")
  func resumed() throws {
    let folder = TestFolder()
    let source = try checkpoint(folder)
    let export = try ModelExport(of: source, optimizer: .torch)
    try export.write(to: folder["whole"], .init(maximumShardByteCount: 500))
    #expect(throws: CancellationError.self) {
      try export.write(to: folder["out"], .init(maximumShardByteCount: 500)) { progress in
        if progress.stage == .checking { throw CancellationError() }
      }
    }
    #expect(try names(folder.url).contains(".partial-out"))
    #expect(!FileManager.default.fileExists(atPath: folder["out"].path))
    var first: Int?
    try export.write(to: folder["out"], .init(maximumShardByteCount: 500, resumes: true)) {
      first = first ?? $0.doneByteCount
    }
    #expect((first ?? 0) > 0)
    for name in try names(folder["whole"]) {
      #expect(
        try Data(contentsOf: folder["out"].appending(path: name))
          == Data(contentsOf: folder["whole"].appending(path: name)), "\(name)")
    }
    // Other options are other work.
    #expect(throws: CancellationError.self) {
      try export.write(to: folder["more"], .init(maximumShardByteCount: 500)) { progress in
        if progress.stage == .checking { throw CancellationError() }
      }
    }
    #expect(throws: CheckpointsError.self) {
      try export.write(
        to: folder["more"], .init(type: .bfloat16, maximumShardByteCount: 500, resumes: true))
    }
  }
}
