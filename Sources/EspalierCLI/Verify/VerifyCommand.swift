// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier verify`: whether a grown model is what its growth declares.
struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Measure what a growth declares: logits, gradients, moments, training, live copies.",
    discussion: """
      SMALL and GROWN are checkpoints, Hugging Face directories, or runs, whose newest whole \
      checkpoint is taken. GROWN's growth.json, which `espalier grow` writes, says what was done \
      and what it declares; a directory of another tool has none, and what holds of it is \
      reported.

      Each check is measured in float32 on the files as they are, and in float64: with growth.json \
      the growth is done again in float64, which leaves no rounding to hide in; without it the \
      files' own values are computed in float64.

        logits, loss       largest difference, relative to the largest logit and to the loss
        residual           of each token's residual stream after each block, as growth.json maps it
        gradients          of every tensor, against the declared multiple of the small model's
        moments            the same of the optimizer's, as the files hold them
        trajectory         losses of ten steps of both models on equal batches, with the checkpoint's
                           optimizer (AdamW for weights alone), no clip
        copyDistance       mean cosine distance of the copies of a unit after --steps steps
        closestCopies      smallest distance of any two
        deadParameters     tensors and units without a gradient in two steps
        firstStep          size of the first update of new tensors, against the learning rate
        replay             the files' values and moments, against those that growth.json makes

      Plain loops in float64 are slow: on large models they get fewer and shorter sequences, then \
      only the logits; the last line says which. --exact-operations allows more.

      --streaming computes both models layer by layer from their files, in some 200 MB whatever their \
      size, and compares logits, loss and residual streams, naming the layer where they part: in float32, \
      and in float64 with the growth done again row by row. It is chosen where all measurements would \
      take more than half of the memory.

      Trained models multiply rounding. Where rounding carries the small model itself further than a \
      fixed bound allows, bounds are 16 times that distance, or, for rounding to a file of 16 bits, 4 times.

      Examples:
        espalier verify small grown
        espalier verify runs/small runs/grown --data held-out.txt --steps 50
        espalier verify gpt2 gpt2-wide --tokens 64 --json
        espalier verify small grown-elsewhere --float64 none
        espalier verify llama llama-grown --streaming --data held-out.txt --tokens 512

      Some numbers prove nothing: those of a small model that is not finite itself, of training that \
      diverges, of steps too few or too small to part copies, differences that rounding alone may make. \
      Where float64 does not decide either, the guarantee cannot be told, and a line says why.

      Exit codes: 0 every declared guarantee is kept, 1 one is broken, or an error, 2 none is broken, but \
      one cannot be told, 64 wrong usage, 130 interrupted.
      """)

  /// The exit code where nothing is broken and not everything proved.
  private static let undecidedCode: Int32 = 2

  @Argument(
    help: "The small model: a checkpoint, Hugging Face directory or run.",
    completion: .directory)
  var small: String

  @Argument(help: "The grown model.", completion: .directory)
  var grown: String

  @Option(
    help: ArgumentHelp(
      "A file or folder of text, or a directory of tokens that `espalier prepare` wrote; default "
        + "random tokens.", valueName: "path"), completion: .file())
  var data: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("A text to compute, in place of --data.", valueName: "words"))
  var text: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Compare logits, loss and streams layer by layer in little memory; default: as it fits.")
  var streaming: Bool?

  @Option(parsing: .unconditional, help: "Training steps after which copies are compared.")
  var steps = 10

  @Option(parsing: .unconditional, help: "Sequences of each batch.")
  var sequences = 2

  @Option(
    parsing: .unconditional,
    help: "Tokens of each sequence, where the small model's context is not shorter.")
  var tokens = 32

  @Option(
    parsing: .unconditional,
    help: "The learning rate of all steps but deadParameters', which take 1e-3; default 1e-3.")
  var learningRate = MeasuredTraining.usualRate

  @Option(parsing: .unconditional, help: "Fixes the random tokens.")
  var seed: UInt64 = 0

  @Option(help: "How much is measured in float64: all, logits or none.")
  var float64 = ExactScope.all

  @Option(
    parsing: .unconditional,
    help: "Floating-point operations that float64 may take; default 3e10, streaming 1e12.")
  var exactOperations: Double?

  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a directory with one, instead of the small model's.",
      valueName: "path"), completion: .file())
  var tokenizer: String?

  @OptionGroup var families: FamilyOptions

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var engineOptions: EngineOptions

  @Flag(help: "Print no progress.")
  var quiet = false

  @Flag(help: "Print the report as JSON on standard output, and progress on standard error.")
  var json = false

  func validate() throws {
    for (name, value, range) in [
      ("steps", steps, 1...1_000_000), ("sequences", sequences, 1...1 << 20),
      ("tokens", tokens, 2...1 << 28),
    ] where !range.contains(value) {
      throw ValidationError(
        "--\(name) is \(value); expected \(range.lowerBound) to \(range.upperBound).")
    }
    guard learningRate.isFinite, learningRate > 0 else {
      throw ValidationError("--learning-rate is \(learningRate); expected a positive number.")
    }
    guard text == nil || data == nil else {
      throw ValidationError("Give --data or --text, not both.")
    }
    if let exactOperations, !(exactOperations >= 0) {
      throw ValidationError("--exact-operations is \(exactOperations); expected 0 or more.")
    }
  }

  func run() async throws {
    let terminal = Terminal(json ? .standardError : .standardOutput)
    let printer = EvaluationProgressPrinter(terminal: terminal, isQuiet: quiet)
    let interruption = Interruption(
      first: { terminal.print("Stopping. Ctrl-C again quits at once.") }, last: terminal.leave)
    defer { printer.finish() }
    do {
      let verification = try ModelVerification(request)
      for model in [verification.small, verification.grown] {
        PassedOverWarning.print(model.passedOver, using: model.directory.url)
        ModelOptions.tell(model.directory)
      }
      if let note = verification.streaming.note {
        if quiet { Note.print([note]) } else { terminal.print(note) }
      }
      let engine = try engineOptions.makeEngine()
      let report = try verification.report(engine: engine) { progress in
        try interruption.check()
        printer.show(
          progress.part, EvaluationProgress(done: progress.done, total: progress.total))
      }
      printer.finish()
      if json {
        try CommandOutput.print(json: report)
      } else {
        try CommandOutput.print(VerificationText.lines(report))
      }
      if report.isBroken { throw ExitCode.failure }
      if !report.isSound { throw ExitCode(Self.undecidedCode) }
    } catch is CancellationError {
      printer.finish()
      terminal.print("Interrupted; a verification keeps nothing, the same command begins anew.")
      throw ExitCode(Interruption.exitCode)
    }
  }
}

extension VerifyCommand {
  /// What the options ask for.
  private var request: VerificationRequest {
    get throws {
      var request = VerificationRequest(small: URL(filePath: small), grown: URL(filePath: grown))
      if let text { request.tokens = .text(text) }
      if let data { request.tokens = .data(URL(filePath: data)) }
      request.tokenizer = tokenizer.map { URL(filePath: $0) }
      request.families = try families.given()
      request.ignoredTensors = modelOptions.ignoredTensors
      request.streams = streaming
      (request.symmetrySteps, request.learningRate, request.seed) = (steps, learningRate, seed)
      (request.sequenceCount, request.sequenceLength) = (sequences, tokens)
      (request.exactScope, request.exactOperations) = (float64, exactOperations)
      return request
    }
  }
}

extension StreamingChoice {
  /// What the user should know of a choice that was made for them; nil for none.
  package var note: String? {
    neededByteCount.map {
      "all measurements would take about \(Readable.bytes($0)), more than half of the memory "
        + "(\(Readable.bytes(Int(clamping: memory)))): the models are streamed, and their function is "
        + "compared; --no-streaming measures everything"
    }
  }
}

extension ExactScope: ExpressibleByArgument {}
