// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Documents
import Foundation

/// `new_parameters.json`: the names of the grown model's tensors that the small model does not have, so
/// that a training can leave all others as they are (LLaMA-Pro, arXiv 2401.02415).
struct NewParameters: Codable {
  /// The file's name in a grown directory.
  static let fileName = "new_parameters.json"

  /// The tensors' names in the files, in the order of the model's program.
  var newParameters: [String]
  /// The same as `model.named_parameters()` of transformers 5 gives them, which keeps experts together.
  var moduleParameters: [String]

  private enum CodingKeys: String, CodingKey {
    case newParameters = "new_parameters"
    case moduleParameters = "module_parameters"
  }

  /// Writes the file, where there is anything to be named.
  func write(to writer: CheckpointWriter) throws {
    guard !newParameters.isEmpty else { return }
    try writer.write(try Document.encoded(self) + Data("\n".utf8), to: Self.fileName)
  }
}

extension ModelGrowth {
  /// The names of tensors that are new as a whole: of added blocks, whatever they are made of, and
  /// those that come from no tensor of the small model.
  ///
  /// Tensors of which only a part is new, as after a growth of the width, are not among them.
  public func newParameterNames() -> [String] { newParameters().newParameters }

  /// The names of those tensors in files and in modules.
  func newParameters() -> NewParameters {
    let areNew = path.carried(path.sourceParameters.map { _ in false }) { step, growth, isNew in
      growth.target.layer.map { step.plan.layers.areNew[$0] } ?? false || isNew ?? true
    }
    let parameters = path.targetParameters
    let new = zip(parameters, areNew).filter(\.1).map(\.0)
    return NewParameters(
      newParameters: new.map(\.name),
      moduleParameters: target.moduleParameters(of: parameters)
        .filter { $0.parts.allSatisfy { areNew[$0] } }.map(\.name))
  }
}

extension ModelConfiguration {
  /// The parameters as transformers' modules hold them, in the program's order;
  /// those of the files where a family's experts have no counterpart there.
  fileprivate func moduleParameters(of parameters: [ParameterSpec]) -> [TransformersParameter] {
    guard let modules = try? transformersParameters() else {
      return parameters.enumerated().map {
        TransformersParameter(name: $1.name, shape: $1.shape, parts: [$0])
      }
    }
    return modules.sorted { ($0.parts.first ?? 0) < ($1.parts.first ?? 0) }
  }
}
