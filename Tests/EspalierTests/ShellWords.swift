// SPDX-License-Identifier: Apache-2.0

/// A command line's words, as a shell takes it apart; without variables and patterns.
enum ShellWords {
  /// The words up to a pipe, a redirection or a comment.
  static func split(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var characters = Array(line)[...]
    while let character = characters.popFirst() {
      switch (quote, character) {
      case (nil, "'"), (nil, "\""):
        quote = character
        word = word ?? ""
      case (let open?, character) where open == character: quote = nil
      case (nil, "$") where characters.first == "'":
        characters.removeFirst()
        word = (word ?? "") + escapes(&characters)
      case (nil, "\\"), ("\"", "\\"):
        if let next = characters.popFirst(), next != "\n" { word = (word ?? "") + String(next) }
      case (nil, " "), (nil, "\n"):
        if let word { words.append(word) }
        word = nil
      case (nil, "|"), (nil, ">"), (nil, "<"), (nil, "&"), (nil, ";"): characters = []
      case (nil, "#") where word == nil: characters = []
      default: word = (word ?? "") + String(character)
      }
    }
    return words + (word.map { [$0] } ?? [])
  }

  /// The rest of `$'…'`, with its escapes resolved.
  private static func escapes(_ characters: inout ArraySlice<Character>) -> String {
    var text = ""
    while let character = characters.popFirst(), character != "'" {
      guard character == "\\" else {
        text.append(character)
        continue
      }
      switch characters.popFirst() {
      case "n"?: text += "\n"
      case "t"?: text += "\t"
      case "e"?: text += "\u{1B}"
      case let other?: text.append(other)
      case nil: break
      }
    }
    return text
  }
}
