// SPDX-License-Identifier: Apache-2.0
import Wording

/// Reads mergekit's configuration as far as it stacks layers of one model, and says why where it does
/// more.
struct MergeRecipeReader {
  /// The models that the recipe names, in order.
  private var models: [String] = []
  private var slices: [MergeRecipe.Slice] = []

  private static let onlyOne =
    "an espalier growth is of one model; to merge several use mergekit itself"

  /// Reads all of a recipe.
  mutating func recipe(_ root: MergeValue) throws -> MergeRecipe {
    let fields = try root.fields(
      [
        "merge_method", "slices", "models", "modules", "parameters", "base_model", "dtype",
        "out_dtype", "tokenizer_source", "tokenizer",
      ],
      refused: [
        "chat_template": "is not written; leave it out, since the tokenizer's files come along as "
          + "they are, and set the template there"
      ])
    try checkMethod(fields["merge_method"], root)
    try name(fields["base_model"])
    let whole = try scales(fields["parameters"])
    try readContent(fields, root, after: whole)
    let model = try oneModel(root)
    return MergeRecipe(
      model: model, slices: slices, type: try fields["dtype"]?.type(),
      outputType: try fields["out_dtype"]?.type(),
      fitsTokenizer: try fitsTokenizer(fields, model))
  }

  private func checkMethod(_ method: MergeValue?, _ root: MergeValue) throws {
    guard let method else { throw root.error("merge_method is missing; expected passthrough") }
    let name = try method.text()
    guard name == "passthrough" else {
      throw method.error(
        .unsupported,
        "\(name) computes a model of several; only passthrough, which stacks layers of one, is a "
          + "growth. Use mergekit itself")
    }
  }

  /// Exactly one of slices, models and modules.
  private mutating func readContent(
    _ fields: [String: MergeValue], _ root: MergeValue, after whole: [SliceGrowth.Scale]
  ) throws {
    let given = ["slices", "models", "modules"].filter { fields[$0] != nil }
    guard given.count == 1 else {
      throw root.error(
        "\(given.isEmpty ? "none" : given.joined(separator: " and ")) given; expected one of "
          + "slices, models and modules")
    }
    if let modules = fields["modules"] { return try readModules(modules, after: whole) }
    if let list = fields["slices"] {
      for slice in try list.elements() { try readSlice(slice, after: whole) }
    }
    if let list = fields["models"] { try readModels(list, after: whole) }
  }

  private mutating func readModules(
    _ modules: MergeValue, after whole: [SliceGrowth.Scale]
  ) throws {
    let fields = try modules.fields(["default"])
    guard let module = fields["default"] else {
      throw modules.error("expected default, the one module of a language model")
    }
    let parts = try module.fields(["slices", "models", "parameters"])
    let scales = try scales(parts["parameters"]) + whole
    try readContent(parts, module, after: scales)
  }

  /// The form without slices: all layers of one model.
  private mutating func readModels(
    _ list: MergeValue, after outer: [SliceGrowth.Scale]
  ) throws {
    let models = try list.elements()
    for model in models {
      let fields = try model.fields(["model", "parameters"])
      try name(try required("model", of: model, fields))
      slices.append(
        MergeRecipe.Slice(layers: nil, scales: try scales(fields["parameters"]) + outer))
    }
    guard models.count == 1 else {
      throw list.error(
        .unsupported, "names \(models.count) models (\(names(self.models))); \(Self.onlyOne)")
    }
  }

  private mutating func readSlice(
    _ slice: MergeValue, after outer: [SliceGrowth.Scale]
  ) throws {
    let fields = try slice.fields(["sources", "base_model", "parameters"])
    try name(fields["base_model"])
    let sources = try required("sources", of: slice, fields).elements()
    let own = try scales(fields["parameters"]) + outer
    for source in sources {
      let fields = try source.fields(["model", "layer_range", "parameters"])
      try name(try required("model", of: source, fields))
      let layers = try range(try required("layer_range", of: source, fields))
      slices.append(
        MergeRecipe.Slice(layers: layers, scales: try scales(fields["parameters"]) + own))
    }
    guard sources.count == 1 else {
      throw slice.error(
        .unsupported,
        "has \(sources.count) sources (\(names(models))); passthrough takes the layers of one")
    }
  }

  private func required(
    _ key: String, of value: MergeValue, _ fields: [String: MergeValue]
  ) throws -> MergeValue {
    guard let field = fields[key] else { throw value.error("\(key) is missing") }
    return field
  }

  /// Two layers, the second of which is not included.
  private func range(_ value: MergeValue) throws -> Range<Int> {
    let ends = try value.elements().map { try $0.integer() }
    guard ends.count == 2 else {
      throw value.error(
        "has \(counted(ends.count, "number")); expected the first layer and the one after the last")
    }
    guard ends[0] >= 0 else {
      throw value.error("layer \(ends[0]) is before the first, which is 0")
    }
    guard ends[0] <= ends[1] else {
      throw value.error("goes from \(ends[0]) down to \(ends[1]); expected the lower layer first")
    }
    return ends[0]..<ends[1]
  }

  /// Notes a model's name.
  private mutating func name(_ value: MergeValue?) throws {
    guard let value else { return }
    models.append(try label(value))
  }

  /// What the recipe calls a model.
  private func label(_ value: MergeValue) throws -> String {
    guard value.isMapping else {
      let text = try value.text()
      guard !text.contains("+") else {
        throw value.error(
          .unsupported, "\(text) has an adapter after its +; merge that into the model first")
      }
      return text
    }
    let fields = try value.fields(
      ["model", "path", "revision"],
      refused: [
        "lora": "is an adapter; merge it into the model first",
        "override_architecture": "is not taken; describe the family with --family",
      ])
    guard let inner = fields["model"] ?? fields["path"] else {
      throw value.error("names no model")
    }
    let revision = try fields["revision"].map { "@" + (try $0.text()) } ?? ""
    return try label(inner) + revision
  }

  private func oneModel(_ root: MergeValue) throws -> String {
    guard let first = models.first, Set(models).count == 1 else {
      throw root.error(.unsupported, "takes layers of \(names(models)); \(Self.onlyOne)")
    }
    return first
  }

  /// Names, each once.
  private func names(_ list: [String]) -> String {
    var seen: Set<String> = []
    return list.filter { seen.insert($0).inserted }.joined(separator: ", ")
  }

  /// Whether the tokenizer's size decides about the embeddings.
  private func fitsTokenizer(_ fields: [String: MergeValue], _ model: String) throws -> Bool {
    if let value = fields["tokenizer"], fields["tokenizer_source"] != nil {
      throw value.error("and tokenizer_source both choose the tokenizer; give one of them")
    }
    var source = fields["tokenizer_source"]
    if let value = fields["tokenizer"] {
      let reason = "is not done here; leave it out, or change the model before it is grown"
      source = try value.fields(
        ["source"], refused: ["tokens": reason, "pad_to_multiple_of": reason])["source"]
    }
    guard let source else { return false }
    // Of one model, its base and the union of all are the same.
    let name = source.isScalar ? try source.text() : try label(source)
    guard ["base", "union", model].contains(name) else {
      throw source.error(
        .unsupported,
        "\(name) is not the recipe's model, \(model); a growth keeps its model's tokenizer: leave "
          + "it out")
    }
    return true
  }
}

extension MergeRecipeReader {
  /// The factors among parameters, of which passthrough knows no other.
  private func scales(_ parameters: MergeValue?) throws -> [SliceGrowth.Scale] {
    guard let parameters else { return [] }
    guard let scale = try parameters.fields(["scale"])["scale"] else { return [] }
    if scale.isScalar { return [SliceGrowth.Scale(factor: try scale.number())] }
    if scale.isMapping { return [try conditional(scale)] }
    let elements = try scale.elements()
    if elements.allSatisfy(\.isScalar) {
      return [SliceGrowth.Scale(factors: try elements.map { try $0.number() })]
    }
    return try elements.map(conditional)
  }

  /// A factor with the names it is for.
  private func conditional(_ value: MergeValue) throws -> SliceGrowth.Scale {
    let fields = try value.fields(["filter", "value"])
    let factors = try required("value", of: value, fields)
    return SliceGrowth.Scale(
      filter: try fields["filter"]?.text(),
      factors: factors.isScalar
        ? [try factors.number()] : try factors.elements().map { try $0.number() })
  }
}
