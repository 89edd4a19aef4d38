// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Testing
import Text

/// `tokenizer.json` files that were changed at random places.
///
/// The environment variable `TOKENIZER_EDITS` names a file with more of them.
@Suite("Edited tokenizer files")
struct TokenizerEditTests {
  @Test("The reference's ids, or an error that names the file; never another result")
  func edits() throws {
    let more = ProcessInfo.processInfo.environment["TOKENIZER_EDITS"]
    let goldens = try FolderGoldens(edits: more.map { URL(filePath: $0) })
    var refusals: [String: Int] = [:]
    for (index, item) in goldens.cases.enumerated() {
      var file = try #require(goldens.json["bases"]?[item["base"]?.text ?? ""])
      for edit in item["edits"]?.elements ?? [] { file = file.edited(edit) }
      let data = Data(file.encoded(.compact))
      do {
        let tokenizer = try TokenizerLoader.tokenizer(json: data, subject: "edited.json")
        // What the reference refuses may be read here.
        let ids = goldens.texts.map { tokenizer.encode($0, allowsSpecialTokens: true) }
        for list in ids { _ = tokenizer.decode(list) }
        guard item["error"] == nil else { continue }
        #expect(ids == item["ids"]?.idLists, "\(index): \(item["edits"] ?? .null)")
        let template = (tokenizer as? BPETokenizer)?.template ?? TextTemplate()
        let around =
          template.prefix + tokenizer.encode("the", allowsSpecialTokens: true) + template.suffix
        #expect(around == item["around"]?.ids, "\(index): \(item["edits"] ?? .null)")
      } catch let error as TextError {
        #expect(error.subject == "edited.json")
        #expect(!error.message.isEmpty && error.message.utf8.count < 600)
        if item["error"] == nil { refusals[String(error.message.prefix(60)), default: 0] += 1 }
      }
    }
    // Most of what the reference reads is read.
    let read = goldens.cases.count { $0["error"] == nil }
    let refused = refusals.values.reduce(0, +)
    #expect(refused * 2 <= read, "\(refused) of \(read): \(refusals)")
    if more != nil { print("refused \(refused) of \(read): \(refusals)") }
  }
}

extension JSONValue {
  /// The value after a change that the goldens' script made: its kind, its place, and its value.
  fileprivate func edited(_ edit: JSONValue) -> JSONValue {
    guard case .array(let parts) = edit, parts.count == 3, let path = parts[1].elements else {
      return self
    }
    return changed(at: path[...]) { container in
      let place = path.last ?? .null
      switch parts[0] {
      case "set": return container.setting(place, to: parts[2])
      case "drop": return container.setting(place, to: nil)
      case "key": return container.moving(place, to: parts[2].text ?? "")
      case "reverse":
        return container.setting(place, to: container.member(place)?.reversed)
      default: return container
      }
    } append: {
      .array(($0.elements ?? []) + [parts[2]])
    } isAppending: {
      parts[0] == "append"
    }
  }

  private func changed(
    at path: ArraySlice<JSONValue>, _ change: (JSONValue) -> JSONValue,
    append: (JSONValue) -> JSONValue, isAppending: () -> Bool
  ) -> JSONValue {
    guard let first = path.first else { return isAppending() ? append(self) : self }
    if path.count == 1 && !isAppending() { return change(self) }
    guard let child = member(first) else { return self }
    return setting(
      first,
      to: child.changed(at: path.dropFirst(), change, append: append, isAppending: isAppending))
  }

  private func member(_ place: JSONValue) -> JSONValue? {
    if let key = place.text { return self[key] }
    guard let elements, let index = place.integer, elements.indices.contains(index) else {
      return nil
    }
    return elements[index]
  }

  private func setting(_ place: JSONValue, to value: JSONValue?) -> JSONValue {
    if let key = place.text, case .object(var object) = self {
      object[key] = value
      return .object(object)
    }
    guard var elements, let index = place.integer, elements.indices.contains(index) else {
      return self
    }
    if let value { elements[index] = value } else { elements.remove(at: index) }
    return .array(elements)
  }

  private func moving(_ place: JSONValue, to key: String) -> JSONValue {
    guard case .object(var object) = self, let old = place.text, let value = object[old] else {
      return self
    }
    object[old] = nil
    object[key] = value
    return .object(object)
  }

  private var reversed: JSONValue {
    switch self {
    case .array(let elements): .array(elements.reversed())
    case .object(let object): .object(JSONObject(object.members.reversed()))
    default: self
    }
  }
}
