// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
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
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try writer.write(try encoder.encode(self) + Data("\n".utf8), to: Self.fileName)
  }
}

extension ModelGrowth {
  /// The names of tensors that are new as a whole: of added blocks, whatever they are made of, and
  /// those that come from no tensor of the small model.
  ///
  /// Tensors of which only a part is new, as after a growth of the width, are not among them.
  public func newParameterNames() throws -> [String] { try newParameters().newParameters }

  /// The names of those tensors in files and in modules.
  func newParameters() throws -> NewParameters {
    let start = try source.model.program().parameters.map { _ in false }
    let areNew = try plans.reduce(start) { try $1.areNew(after: $0) }
    let program = try target.program()
    let new = zip(program.parameters, areNew).filter(\.1).map(\.0)
    return NewParameters(
      newParameters: new.map(\.name),
      moduleParameters: target.moduleParameters(of: program)
        .filter { $0.parts.allSatisfy { areNew[$0] } }.map(\.name))
  }
}

extension ModelConfiguration {
  /// The parameters of the model's program as transformers' modules hold them, in the program's order;
  /// those of the files where a family's experts have no counterpart there.
  fileprivate func moduleParameters(of program: Program) -> [TransformersParameter] {
    guard let modules = try? transformersParameters() else {
      return program.parameters.enumerated().map {
        TransformersParameter(name: $1.name, shape: $1.shape, parts: [$0])
      }
    }
    return modules.sorted { ($0.parts.first ?? 0) < ($1.parts.first ?? 0) }
  }
}

extension GrowthPlan {
  /// Whether each tensor is new.
  ///
  /// - Parameter before: the same of the small model's.
  fileprivate func areNew(after before: [Bool]) throws -> [Bool] {
    let areNew = layers.areNew
    return try tensors().map { growth in
      let isOfNewBlock = growth.target.layer.map { areNew[$0] } ?? false
      return isOfNewBlock || (growth.source.map { before[$0] } ?? true)
    }
  }
}
