// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors

/// Which of a directory's tensors are a model's: what `config.json` says of them is compared with what
/// the files hold.
struct ModelTensors {
  /// The model, with a head of its own where the files hold one that is not the embedding.
  var model: ModelConfiguration
  /// The model's program.
  var program: Program
  /// The name in the files of each of the program's parameters.
  var names: [String]
  /// What a user should know of the files.
  var notes: [String] = []

  /// Finds a model's tensors.
  ///
  /// - Parameters:
  ///   - patterns: of tensors that are no parameters and may be passed over (`*`, `?`, `[…]`).
  ///   - file: the directory, for errors.
  /// - Throws: `ArchitecturesError` of code `parameterMismatch`.
  init(
    of configuration: HuggingFaceConfiguration, in tensors: any TensorSource,
    ignoring patterns: [String], file: String
  ) throws {
    model = configuration.model
    program = try model.program()
    names = []
    let entries = tensors.entries
    let present = Set(entries.map(\.name))
    if try holdsOwnHead(present, tensors) {
      model.tiesHead = false
      program = try model.program()
    }
    let stray = strays(entries, present, ignoring: patterns)
    let shapes = entries.filter { !stray.contains($0.name) }.map { ($0.name, $0.shape) }
    do {
      names = try program.resolve(Dictionary(shapes) { first, _ in first }, file: file)
    } catch let error as ArchitecturesError where error.code == .parameterMismatch {
      throw explained(error, present.subtracting(stray), configuration)
    }
  }

  // MARK: The head

  /// Whether a head that should be the embedding lies beside it and differs.
  ///
  /// transformers then ties nothing, whatever `config.json` says; a copy stays a copy.
  private mutating func holdsOwnHead(
    _ present: Set<String>, _ tensors: any TensorSource
  ) throws -> Bool {
    for (head, parameter) in program.copyNames where present.contains(head) {
      let spec = program.parameters[parameter]
      guard let embedding = ([spec.name] + spec.aliases).first(where: present.contains),
        let one = tensors.entry(named: embedding), let other = tensors.entry(named: head),
        one.shape == other.shape, other.shape == spec.shape
      else { continue }
      if try !tensors.holdEqualValues(embedding, head) {
        notes.append(
          "the head should be the token embedding (tie_word_embeddings is true, in config.json or by "
            + "default), but \(head) is there and differs from \(embedding). Both are kept, as "
            + "transformers does; write tie_word_embeddings: false to say so")
        return true
      }
    }
    return false
  }

  // MARK: Tensors beside the model's

  /// Tables that programs saved and any program makes anew.
  private static let rotaryTables = ["inv_freq", "cos_cached", "sin_cached"]
    .map { "rotary_emb.\($0)" }

  /// Tensors that may be passed over.
  private mutating func strays(
    _ entries: [TensorEntry], _ present: Set<String>, ignoring patterns: [String]
  ) -> Set<String> {
    let unexplained = Set(program.unexplained(present))
    var passed: [String] = []
    var tables: Set<String> = []
    for entry in entries where unexplained.contains(entry.name) {
      if Self.rotaryTables.contains(where: { entry.name.hasSuffix($0) }) {
        tables.insert(entry.name)
      } else if entry.shape.elementCount == 0
        || patterns.contains(where: { fnmatch($0, entry.name, 0) == 0 })
      {
        passed.append(entry.name)
      }
    }
    if !passed.isEmpty {
      notes.append(
        "passed over \(passed.count == 1 ? "a tensor that is" : "\(passed.count) tensors that are") "
          + "no part of the model: \(Self.list(passed.sorted()))")
    }
    return tables.union(passed)
  }

  private static func list(_ names: [String]) -> String {
    let most = 12
    let shown = names.prefix(most).map { String($0.prefix(200)) }.joined(separator: ", ")
    return names.count > most ? "\(shown) and \(names.count - most) more" : shown
  }

  /// A mismatch with what can be done about it.
  private func explained(
    _ error: ArchitecturesError, _ present: Set<String>, _ configuration: HuggingFaceConfiguration
  ) -> ArchitecturesError {
    var message = error.message + configuration.defaultedSizes
    let head = model.family.tensors.head + ".weight"
    if !model.tiesHead, !present.contains(head) {
      message +=
        ". Where the head is the token embedding, config.json says \"tie_word_embeddings\": true"
    }
    let unexplained = program.unexplained(present)
    // Where parameters are missing as well, it is another model.
    let own = present.subtracting(unexplained)
    if !unexplained.isEmpty, (try? program.resolve(names: own)) != nil {
      let patterns = NamePatterns(covering: unexplained, without: own)
      message +=
        ". Tensors that the model computes without can be passed over: "
        + patterns.shown.map { "--ignore-tensors '\($0)'" }.joined(separator: " ")
        + (patterns.hiddenCount > 0 ? ", and \(patterns.hiddenCount) more by their names" : "")
    }
    return ArchitecturesError(error.code, message, subject: error.subject)
  }
}

extension TensorSource {
  /// Whether two tensors of one shape hold equal numbers; zeros are equal whatever their sign.
  fileprivate func holdEqualValues(_ one: String, _ other: String) throws -> Bool {
    guard let left = entry(named: one)?.dtype, let right = entry(named: other)?.dtype else {
      return entry(named: one)?.dtypeName == entry(named: other)?.dtypeName
    }
    let (first, second) = (try tensor(named: one), try tensor(named: other))
    guard left == right else {
      return try first.convertedToFloat32().holdsEqualNumbers(as: second.convertedToFloat32())
    }
    let isSame = first.withUnsafeBytes { first in
      second.withUnsafeBytes { second in
        guard let one = first.baseAddress, let other = second.baseAddress else { return true }
        return memcmp(one, other, first.count) == 0
      }
    }
    // Only a zero's sign is left to differ; a head of its own differs at once.
    return isSame || first.differsInZeroSignsOnly(from: second)
  }
}

extension TensorView {
  fileprivate func differsInZeroSignsOnly(from other: TensorView) -> Bool {
    guard dtype.isFloatingPoint else { return false }
    return switch dtype.byteWidth {
    case 2: isEqual(other, sign: UInt16(1) << 15)
    case 4: isEqual(other, sign: UInt32(1) << 31)
    case 8: isEqual(other, sign: UInt64(1) << 63)
    default: false
    }
  }

  private func isEqual<Bits: FixedWidthInteger>(_ other: TensorView, sign: Bits) -> Bool {
    withUnsafeBytes { left in
      other.withUnsafeBytes { right in
        stride(from: 0, to: left.count, by: Bits.bitWidth / 8).allSatisfy { offset in
          let one = left.loadUnaligned(fromByteOffset: offset, as: Bits.self)
          let two = right.loadUnaligned(fromByteOffset: offset, as: Bits.self)
          return one == two || (one | two) & ~sign == 0
        }
      }
    }
  }
}

extension HostTensor {
  fileprivate func holdsEqualNumbers(as other: HostTensor) -> Bool {
    withUnsafeBytes { left in
      other.withUnsafeBytes { right in
        left.bindMemory(to: Float.self).elementsEqual(right.bindMemory(to: Float.self))
      }
    }
  }
}
