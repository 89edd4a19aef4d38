// SPDX-License-Identifier: Apache-2.0

extension GrowthDescription {
  /// The parameters of a group as a table in Markdown, for the documentation.
  public static func table(of group: GrowthParameter.Group) -> String {
    let rows = parameters(group).map { parameter in
      let choices = parameter.choices.map { "`\(GrowthParameter.word($0, .option))`" }
      let values = choices.isEmpty ? parameter.expected(.option) : choices.joined(separator: ", ")
      let standard = parameter.defaultValue.map { "`\(GrowthParameter.word($0.text, .option))`" }
      return
        "| `\(parameter.name(.option))` | `\(parameter.name)` | \(parameter.summary) | \(values) "
        + "| \(standard ?? "") |"
    }
    return (["| option | key | what it says | takes | default |", "|---|---|---|---|---|"] + rows)
      .joined(separator: "\n")
  }
}
