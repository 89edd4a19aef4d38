// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension TorchAdamW {
  /// The key of the text among a safetensors file's remarks.
  package static let metadataKey = "adamw"
  private static let formatVersion = 1

  /// The settings as JSON, under PyTorch's names.
  package func json() -> String {
    var object = JSONObject()
    object["format_version"] = JSONValue(Self.formatVersion)
    object["optimizer"] = "AdamW"
    object["step"] = JSONValue(step)
    if let tokens { object["tokens"] = JSONValue(tokens) }
    if let clip { object["clip_grad_norm"] = JSONValue(clip) }
    if let defaults {
      object["defaults"] = [
        "lr": JSONValue(defaults.learningRate), "eps": JSONValue(defaults.epsilon),
        "weight_decay": JSONValue(defaults.weightDecay),
      ]
    }
    object["param_groups"] = .array(groups.map(Self.json))
    if !steps.isEmpty {
      object["steps"] = .object(
        JSONObject(
          steps.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .init($0.value)) }))
    }
    if !parametersWithoutState.isEmpty {
      object["without_state"] = .array(parametersWithoutState.sorted().map { .string($0) })
    }
    return String(decoding: JSONValue.object(object).encoded(.compact), as: UTF8.self)
  }

  private static func json(_ group: Group) -> JSONValue {
    var object = JSONObject()
    object["params"] = .array(group.parameters.map { .string($0) })
    object["lr"] = JSONValue(group.learningRate)
    object["betas"] = [JSONValue(group.beta1), JSONValue(group.beta2)]
    object["eps"] = JSONValue(group.epsilon)
    object["weight_decay"] = JSONValue(group.weightDecay)
    object["lr_multiplier"] = group.learningRateMultiplier.map { JSONValue($0) }
    object["eps_multiplier"] = group.epsilonMultiplier.map { JSONValue($0) }
    return .object(object)
  }

  /// Reads the settings.
  ///
  /// - Parameter file: the file's name, for errors.
  /// - Throws: ``TrainingError`` of code `invalidState` or `unsupportedFormat` that names the key, the
  ///   value and what was expected.
  package init(json: String, file: String) throws {
    let options = JSONScanner.Options(
      nestingLimit: 16, allowsNonFiniteNumbers: true, repeatedKeys: .refused)
    let value: JSONValue
    do { value = try JSONValue(parsing: [UInt8](json.utf8), options: options) } catch {
      throw TrainingError(
        .invalidState,
        "its remark “\(Self.metadataKey)” is no JSON: \(error.message), at byte \(error.offset)",
        subject: file)
    }
    let reader = TorchReader(file: file)
    let version = try reader.count(value, "format_version")
    guard version == Self.formatVersion else {
      throw TrainingError(
        .unsupportedFormat,
        "has format_version \(version); this program reads \(Self.formatVersion)", subject: file)
    }
    let optimizer = value["optimizer"]?.text
    guard optimizer == "AdamW" else {
      throw reader.failure("optimizer", value["optimizer"], "\"AdamW\"")
    }
    step = try reader.count(value, "step")
    tokens = try value.present("tokens").map { _ in try reader.count(value, "tokens") }
    clip = try value.present("clip_grad_norm").map { _ in
      try reader.number(value, "clip_grad_norm")
    }
    defaults = try value.present("defaults").map {
      Defaults(
        learningRate: try reader.number($0, "lr", in: "defaults."),
        epsilon: try reader.number($0, "eps", in: "defaults."),
        weightDecay: try reader.number($0, "weight_decay", in: "defaults."))
    }
    groups = try reader.array(value, "param_groups").enumerated().map {
      try reader.group($1, "param_groups[\($0)].")
    }
    steps = try reader.counts(value, "steps")
    parametersWithoutState = Set(try reader.optionalNames(value, "without_state"))
  }
}

extension JSONValue {
  /// A member that is there and not null.
  fileprivate func present(_ key: String) -> JSONValue? {
    guard let value = self[key], value != .null else { return nil }
    return value
  }
}

/// Takes values apart, with errors that say where and what.
private struct TorchReader {
  let file: String

  func failure(_ key: String, _ value: JSONValue?, _ expected: String) -> TrainingError {
    let found = value.map { String(decoding: $0.encoded(.compact).prefix(60), as: UTF8.self) }
    return TrainingError(
      .invalidState, "\(key) is \(found ?? "missing"); expected \(expected)", subject: file)
  }

  func number(_ value: JSONValue, _ key: String, in place: String = "") throws -> Double {
    let largest = AdamWConfiguration.largestNumber
    guard let number = value[key]?.double, (0...largest).contains(number) else {
      throw failure(
        place + key, value[key], "a number from 0 to \(largest), the largest of float32")
    }
    return number
  }

  func count(_ value: JSONValue, _ key: String) throws -> Int {
    try count(value[key], at: key)
  }

  private func count(_ value: JSONValue?, at key: String) throws -> Int {
    guard let number = value?.double, let count = Int(exactly: number),
      TrainingStatus.counts.contains(count)
    else { throw failure(key, value, "a whole number of at least 0") }
    return count
  }

  func counts(_ value: JSONValue, _ key: String) throws -> [String: Int] {
    guard let member = value.present(key) else { return [:] }
    guard case .object(let object) = member else {
      throw failure(key, member, "an object of names with counts")
    }
    var result: [String: Int] = [:]
    for member in object.members {
      result[member.key] = try count(member.value, at: "\(key).\(member.key)")
    }
    return result
  }

  func array(_ value: JSONValue, _ key: String, in place: String = "") throws -> [JSONValue] {
    guard case .array(let elements)? = value[key] else {
      throw failure(place + key, value[key], "a list")
    }
    return elements
  }

  func names(_ value: JSONValue, _ key: String, in place: String = "") throws -> [String] {
    try array(value, key, in: place).map {
      guard let name = $0.text else {
        throw failure(place + key, $0, "names, as named_parameters() gives them")
      }
      return name
    }
  }

  func optionalNames(_ value: JSONValue, _ key: String) throws -> [String] {
    value.present(key) == nil ? [] : try names(value, key)
  }

  func group(_ value: JSONValue, _ place: String) throws -> TorchAdamW.Group {
    for key in ["amsgrad", "maximize"] {
      guard let member = value.present(key), member != .boolean(false) else { continue }
      throw failure(place + key, member, "false: this library has no such AdamW")
    }
    let betas = try array(value, "betas", in: place).compactMap(\.double)
    guard betas.count == 2, betas.allSatisfy((0..<1).contains) else {
      throw failure(place + "betas", value["betas"], "two numbers from 0 to below 1")
    }
    let decay = try number(value, "weight_decay", in: place)
    if value["decoupled_weight_decay"] == .boolean(false), decay != 0 {
      throw failure(
        place + "decoupled_weight_decay", .boolean(false),
        "true: weight decay as a part of the gradient (Adam) is not AdamW's")
    }
    return TorchAdamW.Group(
      parameters: try names(value, "params", in: place),
      learningRate: try number(value, "lr", in: place), beta1: betas[0], beta2: betas[1],
      epsilon: try number(value, "eps", in: place), weightDecay: decay,
      learningRateMultiplier: try value.present("lr_multiplier").map { _ in
        try number(value, "lr_multiplier", in: place)
      },
      epsilonMultiplier: try value.present("eps_multiplier").map { _ in
        try number(value, "eps_multiplier", in: place)
      })
  }
}
