// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Program {
  /// Finds each parameter among a checkpoint's tensors.
  ///
  /// A parameter is found under its name or an alias; where it is missing but a file holds a copy of
  /// it (a tied head), under the copy's. Buffers and copies of known names are passed over.
  ///
  /// - Parameters:
  ///   - shapes: the checkpoint's tensors with their shapes.
  ///   - file: the checkpoint's name, for errors.
  /// - Returns: the tensor's name for each of ``parameters``, in their order.
  /// - Throws: ``ArchitecturesError`` of code `parameterMismatch` that lists what is missing and what
  ///   is unexpected, or names a tensor with its shape and the one expected.
  public func resolve(
    _ shapes: [String: Shape], file: String = "checkpoint"
  ) throws -> [String] {
    let names = try resolve(names: shapes.keys, file: file)
    let copies = copyNames.filter { shapes[$0.key] != nil }.map { ($0.value, $0.key) }
    for (parameter, name) in Array(zip(parameters.indices, names))
      + copies.sorted(by: { $0.1 < $1.1 })
    {
      let expected = parameters[parameter].shape
      guard let shape = shapes[name], shape != expected else { continue }
      throw ArchitecturesError(
        .parameterMismatch,
        "\(name) has shape \(shape); expected \(expected), as the configuration says",
        subject: file)
    }
    return names
  }

  /// Finds each parameter among a checkpoint's names, whatever their shapes.
  ///
  /// - Returns: the tensor's name for each of ``parameters``, in their order.
  /// - Throws: ``ArchitecturesError`` of code `parameterMismatch` that lists what is missing and what
  ///   is unexpected.
  public func resolve(
    names: some Sequence<String>, file: String = "checkpoint"
  ) throws -> [String] {
    let match = match(Set(names))
    guard match.missing.isEmpty, match.unexpected.isEmpty else {
      throw ArchitecturesError(
        .parameterMismatch, Self.mismatch(missing: match.missing, unexpected: match.unexpected),
        subject: file)
    }
    return match.resolved
  }

  /// The names that are neither a parameter's nor a buffer's nor a copy's, sorted.
  public func unexplained(_ names: some Sequence<String>) -> [String] {
    match(Set(names)).unexpected
  }

  /// Which names stand for parameters, which of those lack one, and which names nothing explains.
  private func match(
    _ present: Set<String>
  ) -> (resolved: [String], missing: [String], unexpected: [String]) {
    var resolved: [String] = []
    var missing: [String] = []
    for (index, spec) in parameters.enumerated() {
      let copies = copyNames.filter { $0.value == index }.map(\.key).sorted()
      let candidates = [spec.name] + spec.aliases + copies
      if let name = candidates.first(where: present.contains) {
        resolved.append(name)
      } else {
        missing.append(spec.name)
      }
    }
    let unexpected = present.subtracting(resolved).subtracting(bufferNames)
      .subtracting(copyNames.keys).sorted()
    return (resolved, missing, unexpected)
  }

  private static func mismatch(missing: [String], unexpected: [String]) -> String {
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing tensors: \(list(missing))") }
    if !unexpected.isEmpty { parts.append("unexpected tensors: \(list(unexpected))") }
    return parts.joined(separator: "; ")
  }

  /// The first names, and how many more there are.
  private static func list(_ names: [String]) -> String {
    let most = 12
    let shown = names.prefix(most).map { String($0.prefix(200)) }.joined(separator: ", ")
    return names.count > most ? "\(shown) and \(names.count - most) more" : shown
  }
}
