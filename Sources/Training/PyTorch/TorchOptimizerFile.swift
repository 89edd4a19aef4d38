// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Checkpoints
import Foundation
import Tensors

/// A safetensors file with the state of a `torch.optim.AdamW`.
///
/// For each parameter, as `named_parameters()` of transformers names it, the file holds
/// `exp_avg.NAME`, `exp_avg_sq.NAME` and `step.NAME`, in float32; among its remarks, under `adamw`, are
/// the settings as JSON. It never holds a pickle.
public struct TorchOptimizerFile: Sendable {
  /// The name that this library gives the file.
  public static let fileName = "\(baseName).safetensors"
  package static let baseName = "optimizer_torch"

  /// What stands before a parameter's name.
  package enum Part: String, Sendable, CaseIterable {
    /// The running mean of gradients.
    case firstMoment = "exp_avg."
    /// The running mean of squared gradients.
    case secondMoment = "exp_avg_sq."
    /// The number of updates.
    case step = "step."

    /// The name of a parameter's tensor.
    package func name(of parameter: String) -> String { rawValue + parameter }
  }

  /// Where the file is.
  public let url: URL
  /// The settings as PyTorch has them.
  public let adamW: TorchAdamW
  /// The settings in this library's terms.
  public let settings: TorchAdamWSettings
  /// The parameters as transformers has them.
  public let parameters: [TransformersParameter]
  private let file: SafetensorsFile

  /// Opens a file and checks everything but the moments' numbers.
  ///
  /// - Parameter model: the model that the optimizer trains.
  /// - Throws: ``TrainingError`` of code `invalidState` that lists the tensors that are missing,
  ///   unexpected or of another shape or type, names a count that is none or disagrees, or a setting
  ///   that this library does not have; the errors of Checkpoints.
  public init(reading url: URL, of model: ModelConfiguration) throws {
    let path = url.path(percentEncoded: false)
    try Self.refusePickle(url)
    let file = try SafetensorsFile(url)
    guard let json = file.metadata[TorchAdamW.metadataKey] else {
      throw TrainingError(
        .invalidState,
        "has no remark “\(TorchAdamW.metadataKey)” with the optimizer's settings; save it with the "
          + "script of the article “Optimizer state to and from PyTorch”", subject: path)
    }
    adamW = try TorchAdamW(json: json, file: path)
    settings = try adamW.settings(for: model, file: path)
    parameters = try model.transformersParameters()
    self.url = url
    self.file = file
    try checkTensors(path)
    for parameter in parameters { try checkStep(of: parameter.name, path) }
  }

  /// Where a parameter's moment is; nil where it has none.
  package func location(of parameter: String, _ part: Part) -> TensorLocation? {
    file.location(of: part.name(of: parameter))
  }

  /// `torch.save` writes archives of pickles, which run what they hold.
  private static func refusePickle(_ url: URL) throws {
    guard let handle = try? RegularFile.open(url.path(percentEncoded: false)),
      let start = try? handle.read(upToCount: 9), let first = start.first,
      start.starts(with: Data("PK\u{3}\u{4}".utf8)) || first == 0x80,
      // A safetensors file's length may begin with the same bytes; then its header follows.
      start.last != UInt8(ascii: "{")
    else { return }
    throw TrainingError(
      .unsupportedFormat,
      "is a pickle, as torch.save writes them, and pickles are never read; save the optimizer with "
        + "the script of the article “Optimizer state to and from PyTorch”",
      subject: url.path(percentEncoded: false))
  }

  private func checkTensors(_ path: String) throws {
    var expected: [String: Shape] = [:]
    for parameter in parameters where !adamW.parametersWithoutState.contains(parameter.name) {
      for part in Part.allCases {
        expected[part.name(of: parameter.name)] = part == .step ? [] : parameter.shape
      }
    }
    let names = Set(file.names)
    let odd = file.entries.compactMap { entry -> String? in
      guard let shape = expected[entry.name] else { return nil }
      let isStep = entry.name.hasPrefix(Part.step.rawValue)
      let types: [DType] = isStep ? [.float32, .float64] : [.float32]
      let isRight =
        entry.dtype.map(types.contains) ?? false
        && (entry.shape == shape || isStep && entry.shape == [1])
      return isRight
        ? nil : "\(entry.name) is \(entry.dtypeName) \(entry.shape), expected F32 \(shape)"
    }
    try Self.check(
      [
        ("missing tensors", Set(expected.keys).subtracting(names).sorted()),
        ("unexpected tensors", names.subtracting(expected.keys).sorted()),
        ("tensors of another kind", odd.sorted()),
      ], "is not the AdamW state of this model", path)
  }

  private func checkStep(of name: String, _ path: String) throws {
    guard !adamW.parametersWithoutState.contains(name) else { return }
    let view = try file.tensor(named: Part.step.name(of: name))
    let value = view.withUnsafeBytes { bytes in
      view.dtype == .float64
        ? bytes.loadUnaligned(as: Double.self) : Double(bytes.loadUnaligned(as: Float.self))
    }
    let expected = adamW.stepCount(of: name)
    guard let count = Int(exactly: value), (0...TorchAdamW.largestStep).contains(count) else {
      throw TrainingError(
        .invalidState,
        "\(Part.step.name(of: name)) is \(value), which is no count of updates", subject: path)
    }
    guard count == expected else {
      throw TrainingError(
        .invalidState,
        "\(Part.step.name(of: name)) is \(count), and the settings say \(expected); parameters that "
          + "have seen fewer updates than the others are listed under \"steps\"", subject: path)
    }
  }

  /// Throws where any list is not empty.
  static func check(
    _ problems: [(String, [String])], _ message: String, _ subject: String
  ) throws {
    let found = problems.filter { !$0.1.isEmpty }.map { "\($0.0): \(list($0.1))" }
    guard found.isEmpty else {
      throw TrainingError(
        .invalidState, "\(message); \(found.joined(separator: "; "))", subject: subject)
    }
  }

  /// The first names, and how many more there are.
  static func list(_ names: [String]) -> String {
    let most = 8
    let shown = names.prefix(most).map { String($0.prefix(200)) }.joined(separator: ", ")
    return names.count > most ? "\(shown) and \(names.count - most) more" : shown
  }
}
