// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("espalier grow", .serialized)
struct GrowCommandTests {
  @Test("new entries get a rate of their own, which the growth tells and the training takes")
  func newEntries() throws {
    let place = try CommandWorkplace.trained()
    let result = try place.grow([
      "run", "-o", "large", "--width", "2", "--moments", "reset-new", "--new-rate", "1.3",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let text = "new entries   1.30 times the learning rate, going to 1 over 250 steps"
    #expect(result.output.contains(text), "\(result.output)")
    let large = place.url.appending(path: "large")
    let rate = NewEntries.Rate(factor: 1.3, steps: 250)
    for parameter in try TrainingState(reading: large).parameters {
      #expect(parameter.newEntries.map(\.rate) == [rate])
      #expect(parameter.newEntries.map(\.hasOwnCount) == [true])
    }
    #expect(try GrowthReceipt(reading: large).options.newEntryRate == rate)
    let inspected = try BuiltCommand.run(["inspect", "large/growth.json"], in: place.url)
    #expect(inspected.output.contains("1.30 times the learning rate"), "\(inspected.output)")
    let training = try BuiltCommand.run(
      ["train", "grown.yaml", "-o", "second", "--continue-from", "large", "--quiet"], in: place.url,
      writing: "grown.yaml", recipeWithoutModel(in: place))
    #expect(training.status == 0, "\(training.errors)")
    let last = try #require(try CheckpointStore(place.run("second").checkpoints).list().last)
    let state = try TrainingState(reading: last.url)
    #expect(state.parameters.allSatisfy { $0.newEntries.first?.updates == last.step - 4 })
    let exported = try BuiltCommand.run(
      ["export", "large", "-o", "torch", "--optimizer", "torch"], in: place.url)
    #expect(exported.status == 1)
    #expect(exported.errors.contains("new since a growth"), "\(exported.errors)")
  }

  @Test("receipts promise no more than the plan, and Muon's steps are not the small model's")
  func takenBackElsewhere() throws {
    let place = try CommandWorkplace.trained()
    let way = ["--width", "2", "--symmetry", "none", "--learning-rates", "small-trajectory"]
    for (name, options) in [("mapped", []), ("reset", ["--moments", "reset"])] {
      #expect(try place.grow(["run", "-o", name] + way + options).status == 0)
      let text = try String(
        contentsOf: place.url.appending(path: "\(name)/growth.json"), encoding: .utf8)
      let promises = try #require(text.split(separator: "\"options\"").first)
      for guarantee in ["moments", "trajectory"] {
        #expect(promises.contains("\"\(guarantee)\"") == (name == "mapped"), "\(promises)")
      }
    }
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "muon", "--set", "optimizer.kind=muon", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let result = try place.grow(["muon", "--dry-run"] + way)
    #expect(
      result.output.contains(
        "not promised  trajectory: the optimizer's steps of copies are not those of what they copy"),
      "\(result.output)\(result.errors)")
  }

  @Test(
    "what the options take back is not promised, and why",
    arguments: [
      (["--new-rate", "1.3"], "trajectory: new entries have a learning rate of their own"),
      (["--moments", "reset"], "trajectory: the moments are not mapped (reset)"),
      (["--moments", "reset-new"], "moments: the moments are not mapped (resetNew)"),
    ])
  func takenBack(_ options: [String], _ reason: String) throws {
    let place = try CommandWorkplace.trained()
    let growth = [
      "run", "--width", "2", "--symmetry", "none", "--learning-rates", "small-trajectory",
      "--dry-run",
    ]
    let plain = try place.grow(growth)
    #expect(plain.output.contains("kept          trajectory:"), "\(plain.output)")
    let result = try place.grow(growth + options)
    #expect(!result.output.contains("kept          trajectory:"), "\(result.output)")
    #expect(result.output.contains("not promised  " + reason), "\(result.output)")
  }

  @Test("a run grows with its whole state, and training goes on")
  func wholeState() throws {
    let place = try CommandWorkplace.trained()
    let result = try place.grow(["run", "-o", "large", "--width", "2", "--depth", "2"])
    #expect(result.status == 0, "\(result.errors)")
    for piece in [
      "layers        1 → 2", "hidden        8 → 16", "parameters    3,128 → 11,072",
      "kept          loss: ", "not promised  moments: width × 2: the noise",
      "schedule      from step 4 to 2 of the", "Wrote large",
      "espalier verify run large", "--continue-from large",
    ] {
      #expect(result.output.contains(piece), "\(piece): \(result.output)")
    }
    let large = place.url.appending(path: "large")
    let state = try TrainingState(reading: large)
    #expect(state.status.model.hiddenSize == 16)
    #expect(state.status.progress.steps == 4)
    #expect(Set(state.parameters.map(\.stepCount)) == [0, 4])
    #expect(
      state.status.lineage.map(\.operation).last == "width × 2, then depth 1 → 2 (identityByOutput)"
    )
    let receipt = try GrowthReceipt(reading: large)
    #expect(receipt.step == 4)
    #expect(receipt.options.sourceHash == state.status.lineage.last?.sourceHash)
    let small = try TrainingState(
      reading: CheckpointStore(place.run("run").checkpoints).url(step: 4))
    let again = try receipt.path.grown(small)
    #expect(again.status == state.status)
    for (one, other) in zip(again.parameters, state.parameters) {
      #expect(bytes(one.value) == bytes(other.value))
      #expect(one.firstMoment.map(bytes) == other.firstMoment.map(bytes))
      #expect(one.secondMoment.map(bytes) == other.secondMoment.map(bytes))
    }

    let training = try BuiltCommand.run(
      ["train", "grown.yaml", "-o", "second", "--continue-from", "large", "--quiet"], in: place.url,
      writing: "grown.yaml", recipeWithoutModel(in: place))
    #expect(training.status == 0, "\(training.errors)")
    let steps = try place.loggedSteps("second").map(\.step)
    #expect(steps == Array(5...40))
    let inspection = try BuiltCommand.run(["inspect", "large"], in: place.url)
    #expect(inspection.status == 0)
  }

  private func bytes(_ tensor: HostTensor) -> Data { tensor.withUnsafeBytes { Data($0) } }

  private func recipeWithoutModel(in place: CommandWorkplace) throws -> String {
    try String(contentsOf: place.url.appending(path: "recipe.yaml"), encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("model") }.joined(separator: "\n")
  }

  @Test("weights alone, to a configuration, as JSON")
  func weights() throws {
    let place = try CommandWorkplace.trained()
    let checkpoint = try #require(
      try CheckpointStore(place.run("run").checkpoints).latestValid().item
    ).url
    var target = try ModelDirectory(reading: checkpoint).configuration
    target.model.layerCount = 3
    target.model.intermediateSize = 50
    target.model.contextLength = 32
    try target.encoded().write(to: place.url.appending(path: "target.json"))
    let result = try place.grow([
      checkpoint.path, "-o", "large", "--weights-only", "--to", "target.json", "--dtype",
      "bfloat16", "--json", "--placement", "appended",
    ])
    #expect(result.status == 0, "\(result.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let fields = try #require(object as? [String: Any])
    #expect(fields["training"] == nil)
    #expect((fields["output"] as? [String: Any])?["byteCount"] as? Int ?? 0 > 0)
    let large = try ModelDirectory(reading: place.url.appending(path: "large"))
    #expect(large.configuration.model == target.model)
    #expect(large.configuration.weightType == .bfloat16)
    #expect(large.tensors.entries.allSatisfy { $0.dtype == .bfloat16 })
    #expect(try large.tokenizerJSON() != nil)
    let names = try FileManager.default.contentsOfDirectory(atPath: large.url.path).sorted()
    #expect(
      names == [
        "config.json", "generation_config.json", "growth.json", "manifest.json",
        "model.safetensors", "new_parameters.json", "tokenizer.json", "tokenizer_config.json",
      ])
    try CheckpointDirectory.verify(large.url)
  }

  @Test("--quiet leaves out no note on the result, and what a link leads to is replaced")
  func quietNotes() throws {
    let place = try CommandWorkplace.trained()
    let real = place.url.appending(path: "real")
    let link = place.url.appending(path: "link")
    try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "real")
    let made = try place.grow(["run", "-o", "real", "--depth", "2", "--quiet"])
    #expect(made.status == 0 && made.output.isEmpty && made.errors.isEmpty, "\(made.errors)")
    let result = try place.grow(["run", "-o", "link", "--head-size", "8", "--quiet", "--overwrite"])
    #expect(result.status == 0 && result.output.isEmpty, "\(result.errors)")
    #expect(result.errors.hasPrefix("Note: transformers computes another function"))
    #expect(result.errors.contains("espalier_head_dim"), "\(result.errors)")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == "real")
    #expect(try ModelDirectory(reading: real).configuration.model.headSize == 8)
    let prepared = try BuiltCommand.run(
      ["prepare", "corpus.txt", "-o", "tokens", "--vocabulary", "264", "--quiet"], in: place.url)
    #expect(prepared.status == 0 && prepared.output.isEmpty)
    #expect(prepared.errors.contains("Note: Validation"), "\(prepared.errors)")
  }

  @Test("a dry run writes nothing, and a model is replaced only if asked")
  func dryRunAndOverwrite() throws {
    let place = try CommandWorkplace.trained()
    let dry = try place.grow(["run", "-o", "large", "--depth", "3", "--dry-run"])
    #expect(dry.status == 0)
    #expect(dry.output.contains("this is a dry run"))
    #expect(!FileManager.default.fileExists(atPath: place.url.appending(path: "large").path))
    #expect(try place.grow(["run", "-o", "large", "--depth", "3", "--quiet"]).output.isEmpty)
    let again = try place.grow(["run", "-o", "large", "--depth", "2"])
    #expect(again.status == 1)
    #expect(again.errors.contains("exists; give another path, or replace it (--overwrite)"))
    let replaced = try place.grow(["run", "-o", "large", "--depth", "2", "--overwrite"])
    #expect(replaced.status == 0, "\(replaced.errors)")
    let model = try ModelDirectory(reading: place.url.appending(path: "large")).configuration.model
    #expect(model.layerCount == 2)
    for target in ["run", ".", "run/checkpoints"] {
      let result = try place.grow(["run", "-o", target, "--depth", "2", "--overwrite"])
      #expect(result.status == 1, "\(target)")
      #expect(result.errors.contains("holds the model that is grown"), "\(result.errors)")
    }
  }

  @Test("wrong use has a clear error and leaves nothing behind")
  func mistakes() throws {
    let place = try CommandWorkplace.trained()
    let before = try names(place)
    let usage: [([String], String)] = [
      ([], "Say what grows"), (["--width", "0"], "expected an integer from 1 to 65536"),
      (["--width", "x"], "invalid"), (["--depth", "2", "--layers", "3"], "give one of them"),
      (["--width", "1.5"], "for other sizes use --hidden, --heads, --ffn"),
      (["--depth", "1.5"], "for other sizes use --layers"),
      (["--width", "1000000000"], "1 to 65536"),
      (["--width", "9223372036854775807"], "1 to 65536"),
      (["--layers", "0-99999999999"], "invalid"),
      (["--layers", "99999999999999999999"], "invalid"),
      (["--layers", "65537"], "a number of layers"),
      (["--hidden", "9223372036854775807"], "1 to 268435456"),
      (["--ffn", "1000000000"], "1 to 268435456"),
      (["--vocabulary", "9223372036854775807"], "1 to 268435456"),
      (["--context", "100000000000"], "1 to 268435456"),
      (["--depth", "2", "--threads", "0"], "expected 1 to 1024"),
      (["--depth", "2", "--operator", "copy", "--output-scale", "nan"], "expected a number"),
      (["--depth", "2", "--operator", "copy", "--output-scale", "1e300"], "number of float32"),
      (["--depth", "2", "--operator", "copy", "--output-scale", "inf"], "expected a number"),
      (["--width", "2", "--noise", "nan"], "expected decibels"),
      (["--depth", "2", "--schedule", "nan"], "invalid"),
      (["--depth", "2", "--schedule", "inf"], "invalid"),
      (["--to", "c.json", "--ffn", "40"], "--ffn does not go with it"),
      (["--layers", "3-1"], "invalid"), (["--layers", "0,,1"], "invalid"),
      (["--heads", "4:x"], "invalid"), (["--ffn", "64", "--noise", "10"], "--noise does nothing"),
      (["--width", "2", "--noise", "10", "--symmetry", "none"], "no noise with --symmetry none"),
      (["--width", "2", "--noise", "900"], "expected decibels"),
      (["--width", "2", "--operator", "copy"], "does nothing without --depth"),
      (["--width", "2", "--operator", "sideways"], "invalid"),
      (["--depth", "2", "--operator", "copy", "--operator", "fresh"], "more than one block"),
      (["--depth", "2", "--operator", "copy", "--block", "fresh"], "more than one block"),
      (["--layers", "0,0", "--placement", "middle"], "list of --layers"),
      (["--depth", "2", "--schedule", "0.5"], "invalid"),
      (["--depth", "2", "--rewarmup", "3 minutes"], "invalid"),
      (["--depth", "2", "--weights-only", "--moments", "reset"], "weights alone"),
      (["--depth", "2", "--weights-only", "--new-rate", "1.3"], "weights alone"),
      (["--depth", "2", "--new-rate-steps", "9"], "does nothing without --new-rate"),
      (["--depth", "2", "--dtype", "int8"], "invalid"),
    ]
    for (arguments, message) in usage {
      let result = try place.grow(["run", "-o", "large"] + arguments)
      #expect(result.status == 64, "\(arguments): \(result.errors)")
      #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
    }
    let errors: [([String], String)] = [
      (["nowhere", "--depth", "2"], "does not exist"),
      (["corpus.txt", "--depth", "2"], "holds no"),
      (["run", "--layers", "1"], "nothing grows"), (["run", "--width", "1"], "nothing grows"),
      (["run", "--layers", "0"], "fewer than"),
      (["run", "--layers", "0,7"], "layer 1 is to be made of layer 7"),
      (["run", "--ffn", "8"], "Error: --ffn: 8 is less than"),
      (["run", "--vocabulary", "8"], "Error: --vocabulary: 8 is less than"),
      (["run", "--hidden", "4"], "Error: --hidden: 4 is less than"),
      (["run", "--context", "4"], "Error: --context: 4 is less than"),
      (["run", "--heads", "9223372036854775807"], "Error: --heads: "),
      (["run", "--experts", "9223372036854775807"], "Error: --experts: "),
      (["run", "--width", "4096", "--depth", "65536"], "Error: --depth: "),
      (["run", "--layers", "4", "--placement", "0,0,0"], "lists the sources of 3 layers"),
      (["run", "--vocabulary", "268435456", "--hidden", "1000000"], "needs 3.2 PB"),
      (["run", "--to", "recipe.yaml"], "not JSON"),
      (
        ["run", "--to", "missing.json"],
        "missing.json: there is no readable file here; expected the config.json"
      ),
      (["run", "--depth", "2", "--dtype", "bfloat16"], "a training state holds float32"),
      (
        ["run", "--width", "2", "--learning-rates", "small-trajectory", "--symmetry", "split"],
        "copies are not alike"
      ),
    ]
    for (arguments, message) in errors {
      let result = try place.grow(arguments + ["-o", "large"])
      #expect(result.status == 1, "\(arguments): \(result.errors)")
      #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
    }
    #expect(try names(place) == before)
  }

  private func names(_ place: CommandWorkplace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: place.url.path).sorted()
  }

  @Test("a damaged checkpoint is refused")
  func damage() throws {
    let place = try CommandWorkplace.trained()
    let checkpoint = CheckpointStore(place.run("run").checkpoints).url(step: 4)
    let file = checkpoint.appending(path: "model.safetensors")
    var data = try Data(contentsOf: file)
    data[data.count - 1] ^= 1
    try data.write(to: file)
    let result = try place.grow([checkpoint.path, "-o", "large", "--depth", "2"])
    #expect(result.status == 1)
    #expect(result.errors.contains("model.safetensors has changed"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: place.url.appending(path: "large").path))
  }
}

extension BuiltCommand {
  /// Runs the command after writing a file for it.
  fileprivate static func run(
    _ arguments: [String], in directory: URL, writing name: String, _ text: String
  ) throws -> Result {
    try Data(text.utf8).write(to: directory.appending(path: name))
    return try run(arguments, in: directory)
  }
}
