// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// What options take whose values ArgumentParser refuses without a word.
package enum OptionExpectation {
  /// A message with what was expected, where it ends with an option's refused value.
  ///
  /// - Parameter command: the command's words after `espalier`.
  package static func completed(_ message: String, command: [String]) -> String {
    let end = message.range(of: "\nHelp: ") ?? message.range(of: "\nUsage: ")
    let head = end.map { message[..<$0.lowerBound] } ?? message[...]
    if let list = head.range(of: "Please provide one of"), let meant = meant(head, list) {
      return "\(head[..<list.lowerBound])Did you mean '\(meant)'? \(message[list.lowerBound...])"
    }
    let starts = ["' is invalid for '", "Missing value for '"]
    guard head.hasSuffix("'"),
      let refusal = starts.lazy.compactMap({ head.range(of: $0, options: .backwards) }).first
    else { return message }
    let option = head[refusal.upperBound...].prefix { $0 != " " && $0 != "'" }
    let path = command.prefix { !$0.hasPrefix("-") }.prefix(2).joined(separator: " ")
    let ofCommand = byCommand.first {
      "\(path) ".hasPrefix("\($0.command) ") && $0.option == option
    }
    guard let expected = ofCommand?.expected ?? everywhere[String(option)] else { return message }
    return "\(head); expected \(expected)\(message[head.endIndex...])"
  }

  /// What others call our words.
  private static let synonyms = [
    "bf16": "bfloat16", "fp16": "float16", "half": "float16", "fp32": "float32", "float": "float32",
    "fp64": "float64", "double": "float64", "bfloat16": "bf16", "float32": "fp32",
    "gpu": "xla:cuda", "cuda": "xla:cuda", "rocm": "xla:rocm", "tpu": "xla:tpu",
    "pytorch": "torch", "flops": "compute", "val": "validation", "valid": "validation",
    "step": "steps", "time": "seconds",
  ]

  /// The word that was probably meant by one that is none of an option's; nil where the message is no
  /// refusal with a list of words, or none is near.
  private static func meant(_ head: Substring, _ list: Range<Substring.Index>) -> String? {
    guard let start = head.range(of: "The value '"),
      let end = head.range(of: "' is invalid for '")
    else { return nil }
    let names = head[list.upperBound...].components(
      separatedBy: CharacterSet(charactersIn: "' \n,.")
    ).filter { !$0.isEmpty && $0 != "-" && $0 != "and" && $0 != "or" }
    let word = head[start.upperBound..<max(start.upperBound, end.lowerBound)].lowercased()
    if let synonym = synonyms[word], names.contains(synonym) { return synonym }
    return NearestName.of(word, among: names)
  }

  private static let positive = "a whole number, 1 or more"
  private static let number = "a number above 0"

  private static let everywhere = [
    "--threads": "a whole number, 1 to 1024",
    "--seed": "a whole number, 0 to 18446744073709551615",
    "--ffn": positive, "--hidden": positive, "--head-size": positive, "--vocabulary": positive,
    "--context": positive, "--expert-parts": positive, "--stride": positive, "--batch": positive,
    "--layers":
      "a number of layers, 0 to 65536, or the source of each of them, from 0, as in 0-5,2-7",
    "--heads": "query heads, or also key/value heads: 16 or 16:4",
    "--noise": "decibels, -40 to 200",
    "--experts": "experts, or also how many a token takes: 8 or 8:2",
    "--output-scale": "a number other than 0",
    "--shard-size": "bytes, 1 or more, also with a unit: 500MB, 2GB, 4GiB, 5e9",
    "--schedule": "keep, auto, or a ratio of 1 or more",
    "--rewarmup": "a length of training, such as 200 steps or 1M tokens",
    "--resume-from": "a checkpoint's step, 0 or more",
    "--learning-rate": number, "--exact-operations": "a number of operations, 0 or more",
    "--sizes": "a whole number, 2 to 8", "--ratio": "a number above 1",
    "--parameters": "numbers of parameters, such as 1e6",
    "--tokens-per-step": "a positive number, at most 2^53",
    "--threshold": "a slope below 0, such as -0.0475, or one of depth, width and both",
    "--optimality": "a slope below 0, such as -0.052",
    "--stages": "a whole number, 1 to 4", "--loss": "nats above 0", "--compute": "FLOPs above 0",
    "--first-step": "a whole number, 0 or more",
    "--length": "a whole number, 0 or more", "--temperature": "a number, 0 or more",
    "--top-k": positive, "--top-p": "a share above 0, up to 1", "--count": positive,
    "--step": "a whole number, 0 or more",
    "--confidence": "a share between 0 and 1, such as 0.95",
    "--validation-fraction": "a share from 0 up to below 1, such as 0.1",
    "--shard-tokens": positive,
  ]

  /// Options that mean something else, or have other limits, in one command.
  private static let byCommand: [(command: String, option: String, expected: String)] = [
    ("prepare", "--vocabulary", "a whole number, at least 257, for the bytes and end-of-text"),
    ("verify", "--tokens", "a whole number, 2 to 268435456"),
    ("verify", "--steps", "a whole number, 1 to 1000000"),
    ("verify", "--sequences", "a whole number, 1 to 1048576"),
    ("plan pilot", "--steps", "a whole number, at least 20"),
    (
      "generate", "--tokens",
      "tokens' ids, whole numbers from 0, as arguments of their own (--tokens 10 20)"
    ),
    ("import", "--tokens", "a number of tokens, such as 4096, 20M or 1.5B"),
  ]
}
