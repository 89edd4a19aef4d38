// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording
import Yams

/// Text in YAML, as people write it.
package enum YAMLText {
  /// Why a text is no YAML that can be read.
  package struct Problem: Error {
    /// The line, from 1.
    package var line: Int
    /// What is wrong, and what to do.
    package var message: String
  }

  /// The tree of nodes with merge keys and aliases resolved; nil for a text without any.
  package static func compose(_ yaml: String) throws(Problem) -> Node? {
    // Some editors begin UTF-8 with a byte order mark, which YAML allows and the parser does not.
    let yaml =
      yaml.unicodeScalars.first == "\u{FEFF}" ? String(yaml.unicodeScalars.dropFirst()) : yaml
    let root: Node?
    do { root = try Yams.compose(yaml: yaml) } catch { throw Problem(error) }
    return try root.map { root throws(Problem) in try YAMLMerging.resolved(root) }
  }
}

extension Node {
  /// The text of a scalar without quotes, which may be a number, a word or nothing.
  package var plainText: String? {
    guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else {
      return nil
    }
    return scalar.string
  }

  /// Whether it stands for no value.
  package var isNull: Bool {
    plainText.map { ["", "~", "null", "Null", "NULL"].contains($0) } ?? false
  }
}

extension Document {
  /// The document that a text in YAML describes: words without quotes are truth values, numbers or
  /// nothing where they can be, else texts.
  ///
  /// - Throws: ``DocumentError`` of code `malformed` that names the line.
  package init(yaml: String) throws(DocumentError) {
    do { value = try YAMLText.compose(yaml).map(Self.value) ?? .null } catch {
      throw DocumentError(.malformed, error.message, subject: "line \(error.line)")
    }
  }

  private static func value(of node: Node) -> JSONValue {
    switch node {
    case .scalar(let scalar): node.plainText == nil ? .string(scalar.string) : word(node)
    case .sequence(let sequence): .array(sequence.map(value))
    case .mapping(let mapping):
      .object(
        JSONObject(
          mapping.map { .init(key: $0.key.scalar?.string ?? "?", value: value(of: $0.value)) }))
    case .alias: .null
    }
  }

  /// What a scalar without quotes says.
  private static func word(_ node: Node) -> JSONValue {
    if node.null != nil { return .null }
    if let flag = node.bool { return .boolean(flag) }
    if let integer = node.int { return JSONValue(integer) }
    if let number = node.float, number.isFinite { return JSONValue(number) }
    return .string(node.plainText ?? "")
  }
}

extension YAMLText.Problem {
  /// What the parser says, in words for people.
  fileprivate init(_ error: any Error) {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      let isOfManyDocuments =
        problem.contains("single document") || problem.contains("another document")
      self.init(
        line: mark.line,
        message: isOfManyDocuments
          ? "there is more than one document (---) in the file; keep one"
          : "not YAML: \(Self.remedied(problem)) at column \(mark.column)")
    case .duplicatedKeysInMapping(let keys, let context):
      self.init(
        line: context.mark.line,
        message: "the key \(keys.map(\.excerpt).joined(separator: ", ")) stands twice; keep one")
    case .reader(let problem, let offset, let value, let yaml):
      let scalar = value > 0 ? " (U+\(Hexadecimal.text(value, digits: 4).uppercased()))" : ""
      self.init(
        line: offset.map { 1 + yaml.prefix($0).count(where: \.isNewline) } ?? 1,
        message: "not YAML: \(problem)\(scalar); take the character out")
    default: self.init(line: 1, message: "not YAML: \("\(error)".excerpt)")
    }
  }

  /// What the parser says, with what to do about what is a riddle otherwise.
  private static func remedied(_ problem: String) -> String {
    if problem.contains("cannot start any token") {
      return
        "\(problem); a tab is no indentation in YAML, and a text that begins with a mark such as "
        + "% or @ needs quotes; this is"
    }
    if problem.contains("nesting level") { return "the groups are nested too deep" }
    return problem
  }
}
