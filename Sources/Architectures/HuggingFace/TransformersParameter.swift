// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A parameter as a model of transformers 5 holds it in memory: one of the program's, or several
/// that its modules keep in one tensor.
///
/// Files and modules differ: transformers 5 fuses the experts of a block when it reads a file, and has
/// renamed some modules since their files were published. An optimizer's state speaks of modules.
public struct TransformersParameter: Sendable, Hashable {
  /// The name, as `model.named_parameters()` gives it.
  public var name: String
  /// The extents.
  public var shape: Shape
  /// The numbers of the program's parameters whose elements, one after the other, are the tensor's.
  public var parts: [Int]

  /// Makes a parameter.
  public init(name: String, shape: Shape, parts: [Int]) {
    (self.name, self.shape, self.parts) = (name, shape, parts)
  }
}

extension ModelConfiguration {
  /// The parameters of the model's program as `model.named_parameters()` of transformers 5 gives them, names and order; a
  /// tied head comes once, as the token embedding.
  ///
  /// Of families that the library does not know, names are those of the files, experts fused as
  /// transformers does it, and the order is Llama's.
  ///
  /// - Throws: ``ArchitecturesError`` of code `unsupportedFeature` for experts whose matrices lie the
  ///   other way round, which no module of transformers fuses.
  public func transformersParameters() throws -> [TransformersParameter] {
    var model = self
    model.family.tensors = model.family.tensors.ofModules
    let specs = try model.program().parameters
    let order = TransformersOrder(of: model.family)
    let single = specs.indices.filter { specs[$0].expert == nil }.map {
      (
        key: order.key(of: specs[$0]),
        TransformersParameter(
          name: specs[$0].name, shape: specs[$0].shape, parts: [$0])
      )
    }
    let fused = try fusedExperts(specs, model.family.tensors).map {
      (key: order.key(of: specs[$0.parts[0]]), $0)
    }
    return (single + fused).sorted { $0.key < $1.key }.map(\.1)
  }

  /// Of each block, gates and first maps of all experts in one tensor, second maps in another.
  private func fusedExperts(
    _ specs: [ParameterSpec], _ names: DecoderTensorNames
  ) throws -> [TransformersParameter] {
    let experts = specs.indices.filter { specs[$0].expert != nil }
    guard !experts.isEmpty, let folder = names.expert else { return [] }
    let module = folder.replacing(".{expert}.", with: "")
    guard names.layout == .outputInput, module != folder else {
      throw ArchitecturesError(
        .unsupportedFeature,
        "experts under \(folder) have no counterpart among transformers' modules; expected names "
          + "with .{expert}. and matrices [outputs, inputs]", subject: family.name)
    }
    let byLayer = Dictionary(grouping: experts) { specs[$0].layer ?? 0 }
    return byLayer.sorted { $0.key < $1.key }.flatMap { layer, members in
      let block = names.prefix + names.layer.replacing("{layer}", with: "\(layer)")
      let isDown = { specs[$0].role == .weight(.feedForwardDown) }
      return [
        ("gate_up_proj", members.filter { !isDown($0) }), ("down_proj", members.filter(isDown)),
      ]
      .map { Self.fused("\(block)\(module).\($0)", $1, specs) }
    }
  }

  private static func fused(
    _ name: String, _ parts: [Int], _ specs: [ParameterSpec]
  ) -> TransformersParameter {
    let experts = Set(parts.compactMap { specs[$0].expert }).count
    let rows = parts.reduce(0) { $0 + specs[$1].shape[0] } / max(1, experts)
    return TransformersParameter(
      name: name, shape: [experts, rows, parts.first.map { specs[$0].shape[1] } ?? 0],
      parts: parts)
  }
}

extension DecoderTensorNames {
  /// The names of the modules, where transformers 5 has renamed them since files were published.
  fileprivate var ofModules: DecoderTensorNames {
    with {
      if $0 == DecoderFamily.mixtral.tensors {
        $0.router = "mlp.gate"
        $0.expert = "mlp.experts.{expert}."
      }
      if $0 == DecoderFamily.gptNeoX.tensors { $0.head = "lm_head" }
    }
  }
}

/// The order in which a family's modules stand in transformers, which need not be that of the
/// computation.
private struct TransformersOrder {
  private enum Module: Hashable {
    case norm(ParameterSpec.Norm)
    case linear(ParameterSpec.Linear)
  }

  private let modules: [Module]

  init(of family: DecoderFamily) {
    let norms: [Module] = [.norm(.attention), .norm(.feedForward)]
    let attention: [Module] = [
      .linear(.query), .linear(.key), .linear(.value), .linear(.queryKeyValue),
      .linear(.attentionOutput), .norm(.query), .norm(.key),
    ]
    let feedForward: [Module] = [
      .linear(.router), .linear(.feedForwardGate), .linear(.feedForwardGateUp),
      .linear(.feedForwardUp), .linear(.feedForwardDown),
    ]
    modules =
      switch family.name {
      case DecoderFamily.gpt2.name:
        [.norm(.attention)] + attention + [.norm(.feedForward)] + feedForward
      case DecoderFamily.gptNeoX.name: norms + attention + feedForward
      case DecoderFamily.phi3.name: [.linear(.attentionOutput)] + attention + feedForward + norms
      default: attention + feedForward + norms
      }
  }

  /// A key to sort by: the part of the model, the block, the module, and weight or bias.
  func key(of spec: ParameterSpec) -> (Int, Int, Int, Int) {
    let layer = spec.layer ?? 0
    func place(_ module: Module) -> Int { modules.firstIndex(of: module) ?? modules.count }
    return switch spec.role {
    case .tokenEmbedding: (0, 0, 0, 0)
    case .positionEmbedding: (0, 0, 1, 0)
    case .normGain(.final): (2, 0, 0, 0)
    case .normBias(.final): (2, 0, 0, 1)
    case .head: (3, 0, 0, 0)
    case .normGain(let norm): (1, layer, place(.norm(norm)), 0)
    case .normBias(let norm): (1, layer, place(.norm(norm)), 1)
    case .weight(let linear): (1, layer, place(.linear(linear)), 0)
    case .bias(let linear): (1, layer, place(.linear(linear)), 1)
    }
  }
}
