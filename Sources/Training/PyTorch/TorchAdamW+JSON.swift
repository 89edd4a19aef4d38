// SPDX-License-Identifier: Apache-2.0
import Documents
import Foundation
import OrderedJSON
import Wording

extension TorchAdamW {
  /// The key of the text among a safetensors file's remarks.
  package static let metadataKey = "adamw"
  private static let formatVersion = 1
  private static let versionKey = "format_version"

  /// The settings as JSON, under PyTorch's names.
  package func json() throws -> String {
    let value = try Document(of: self, numbers: .exact).value
    return String(decoding: value.encoded(.compact), as: UTF8.self)
  }

  /// Reads the settings.
  ///
  /// - Parameter file: the file's name, for errors.
  /// - Throws: ``TrainingError`` of code `invalidState` or `unsupportedFormat` that names the key, the
  ///   value and what was expected.
  package init(json: String, file: String) throws {
    let options = JSONScanner.Options(
      nestingLimit: 16, allowsNonFiniteNumbers: true, repeatedKeys: .refused)
    do {
      let document = try Document(parsing: Data(json.utf8), options: options)
      try document.check(version: Self.formatVersion...Self.formatVersion, key: Self.versionKey)
      self = try document.decode()
    } catch let error as DocumentError {
      throw TrainingError(
        error.code == .unsupportedVersion ? .unsupportedFormat : .invalidState,
        "its remark “\(Self.metadataKey)”: \(error)", subject: file)
    }
  }
}

extension TorchAdamW: FieldCoded {
  package init(_ fields: FieldCoder, of old: TorchAdamW?) throws {
    try fields.remark(Self.versionKey, Self.formatVersion)
    _ = try fields.required("optimizer", old.map { _ in Kind.adamW })
    step = try fields.integer("step", old?.step, in: TrainingStatus.counts)
    tokens = try fields.optionalInteger("tokens", old?.tokens, in: TrainingStatus.counts)
    clip = try fields.optionalNumber("clip_grad_norm", old?.clip, in: .ofFloat32)
    defaults = try fields.optional("defaults", old?.defaults)
    groups = try fields.required("param_groups", old?.groups)
    steps = try fields.field("steps", old.map { Counts(of: $0.steps) }, default: Counts()).of
    parametersWithoutState = Set(
      try fields.field("without_state", old?.parametersWithoutState.sorted(), default: []))
  }

  private enum Kind: String, CaseIterable, Codable { case adamW = "AdamW" }

  /// Updates by parameter, in the order of the names.
  private struct Counts: Codable, Equatable {
    var of: [String: Int] = [:]

    init(of counts: [String: Int] = [:]) { of = counts }

    init(from decoder: any Decoder) throws {
      let fields = try FieldCoder(reading: decoder)
      for name in fields.keys {
        of[name] = try fields.integer(name, nil, in: TrainingStatus.counts)
      }
    }

    func encode(to encoder: any Encoder) throws {
      let fields = FieldCoder(writing: encoder)
      for (name, count) in of.sorted(by: { $0.key < $1.key }) { try fields.remark(name, count) }
    }
  }
}

extension TorchAdamW.Defaults: FieldCoded {
  package init(_ fields: FieldCoder, of old: TorchAdamW.Defaults?) throws {
    learningRate = try fields.number("lr", old?.learningRate, in: .ofFloat32)
    epsilon = try fields.number("eps", old?.epsilon, in: .ofFloat32)
    weightDecay = try fields.number("weight_decay", old?.weightDecay, in: .ofFloat32)
  }
}

extension TorchAdamW.Group: FieldCoded {
  package init(_ fields: FieldCoder, of old: TorchAdamW.Group?) throws {
    parameters = try fields.required("params", old?.parameters)
    learningRate = try fields.number("lr", old?.learningRate, in: .ofFloat32)
    let betas = try fields.required("betas", old.map { [$0.beta1, $0.beta2] })
    guard betas.count == 2, betas.allSatisfy((0..<1).contains) else {
      throw fields.failure("betas", "got \(betas); expected two numbers from 0 to below 1")
    }
    (beta1, beta2) = (betas[0], betas[1])
    epsilon = try fields.number("eps", old?.epsilon, in: .ofFloat32)
    weightDecay = try fields.number("weight_decay", old?.weightDecay, in: .ofFloat32)
    learningRateMultiplier = try fields.optionalNumber(
      "lr_multiplier", old?.learningRateMultiplier, in: .ofFloat32)
    epsilonMultiplier = try fields.optionalNumber(
      "eps_multiplier", old?.epsilonMultiplier, in: .ofFloat32)
    try refuseVariants(fields)
  }

  /// Refuses what PyTorch's class can do beside AdamW.
  private func refuseVariants(_ fields: FieldCoder) throws {
    guard fields.isReading else { return }
    for key in ["amsgrad", "maximize"] where try fields.optional(key, Bool?.none) ?? false {
      throw fields.failure(key, "got true; expected false: this library has no such AdamW")
    }
    if try fields.optional("decoupled_weight_decay", Bool?.none) == false, weightDecay != 0 {
      throw fields.failure(
        "decoupled_weight_decay",
        "got false; expected true: weight decay as a part of the gradient (Adam) is not AdamW's")
    }
  }
}

extension ClosedRange<Double> {
  /// What the numbers of PyTorch's settings can be.
  fileprivate static let ofFloat32 = 0...AdamWConfiguration.largestNumber
}
