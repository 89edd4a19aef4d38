// SPDX-License-Identifier: Apache-2.0
import Documents
import Tensors
import Yams

/// A value in a merge recipe, which knows its place for messages.
struct MergeValue {
  let node: Node
  let path: [String]
  let file: String

  init(_ node: Node, path: [String], file: String) {
    self.node = node
    self.path = path
    self.file = file
  }

  /// An error that names the file, the line and the keys.
  func error(_ code: GrowthError.Code, _ message: String) -> GrowthError {
    let line = node.mark.map { ":\($0.line)" } ?? ""
    let keys = path.isEmpty ? "" : path.joined(separator: ".") + ": "
    return GrowthError(code, keys + message, subject: file + line)
  }

  /// An error of what is no recipe.
  func error(_ message: String) -> GrowthError { error(.unreadableSource, message) }

  /// The values of a mapping whose keys are all known; those that are null are left out.
  ///
  /// - Parameter refused: keys that recipes may have, and why they are not taken.
  func fields(_ known: [String], refused: [String: String] = [:]) throws -> [String: MergeValue] {
    guard let mapping = node.mapping else {
      throw error("expected keys with values: \(known.joined(separator: ", "))")
    }
    var fields: [String: MergeValue] = [:]
    for (key, node) in mapping {
      let name = key.scalar?.string ?? "?"
      let value = MergeValue(node, path: path + [name], file: file)
      if value.node.isNull { continue }
      if let reason = refused[name] { throw value.error(.unsupported, reason) }
      guard known.contains(name) else {
        throw value.error(
          .unsupported,
          "is no key of a passthrough recipe here; expected one of \(known.joined(separator: ", "))"
        )
      }
      fields[name] = value
    }
    return fields
  }

  /// The elements of a list that is not empty.
  func elements() throws -> [MergeValue] {
    guard let sequence = node.sequence, !sequence.isEmpty else {
      throw error("expected a list of at least one")
    }
    return list
  }

  /// The elements; none where this is no list.
  private var list: [MergeValue] {
    (node.sequence.map(Array.init) ?? []).enumerated().map { index, node in
      var path = path
      if !path.isEmpty { path[path.count - 1] += "[\(index)]" }
      return MergeValue(node, path: path, file: file)
    }
  }

  var isScalar: Bool { node.scalar != nil }
  var isMapping: Bool { node.mapping != nil }

  /// Text that is not empty.
  func text() throws -> String {
    guard let text = node.scalar?.string, !text.isEmpty, !node.isNull else {
      throw error("expected text")
    }
    return text
  }

  /// An integer.
  func integer() throws -> Int {
    guard let text = node.scalar?.string, let value = Int(text), !text.hasLeadingZero else {
      throw error("expected an integer, not \(shown)")
    }
    return value
  }

  /// A number that is finite.
  func number() throws -> Double {
    guard let text = node.scalar?.string, let value = Double(text), value.isFinite,
      !text.hasLeadingZero
    else { throw error("expected a number, not \(shown)") }
    return value
  }

  /// A type of real numbers, with or without `torch.` before it.
  func type() throws -> DType {
    let name = try text()
    let types: [DType] = [.float32, .bfloat16, .float16, .float64]
    let plain = name.hasPrefix("torch.") ? String(name.dropFirst(6)) : name
    guard let type = types.first(where: { $0.rawValue == plain }) else {
      throw error(
        .unsupported,
        "\(shown) is no type of weights; expected one of "
          + types.map(\.rawValue).joined(separator: ", "))
    }
    return type
  }

  /// The value in a message.
  private var shown: String {
    node.scalar.map { "\"\($0.string.prefix(60))\"" } ?? "a list or keys"
  }
}

extension String {
  /// Whether the text is an integer that begins with a 0, which YAML 1.1 takes for an octal number.
  fileprivate var hasLeadingZero: Bool {
    let digits = drop { $0 == "-" || $0 == "+" }
    return digits.count > 1 && digits.first == "0" && digits.allSatisfy(\.isNumber)
  }
}
