// SPDX-License-Identifier: Apache-2.0
import Espalier

extension GenerateCommand {
  /// What of a model's `generation_config.json` this command does not follow, and how to ask for it.
  func notes(on rules: GenerationRules) -> [String] {
    let others = rules.others.filter { !isFollowed($0) }
    guard !others.isEmpty else { return [] }
    let list = others.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
    let options = others.compactMap(option)
    let remedy = options.isEmpty ? "" : "; to ask for it, give \(options.joined(separator: " "))"
    return ["generation_config.json says \(list), which is not followed\(remedy)"]
  }

  /// Whether the options happen to say the same, or make it mean nothing.
  private func isFollowed(_ setting: GenerationRules.Setting) -> Bool {
    switch setting.key {
    case "do_sample": greedy || temperature == 0
    case "temperature": greedy || Double(setting.value) == temperature
    case "top_k": greedy || Int(setting.value) == topK
    case "top_p": greedy || Double(setting.value) == topP
    case "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff": greedy
    default: false
    }
  }

  private func option(for setting: GenerationRules.Setting) -> String? {
    switch setting.key {
    case "do_sample": "--greedy"
    case "temperature": "--temperature \(setting.value)"
    case "top_k": "--top-k \(setting.value)"
    case "top_p": "--top-p \(setting.value)"
    default: nil
    }
  }
}
